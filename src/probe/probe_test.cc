// Each probe against devices that are right, and against ones that are wrong in every way that a test has been seen to
// overlook.
#include "probe/probe.h"

#include <gmock/gmock.h>

#include <algorithm>

#include "mil/builder.h"
#include "probe/draw.h"
#include "probe/faulty_device_testing.h"
#include "probe/reference.h"

namespace anemone::probe {
namespace {

using testing::ElementsAre;
using testing::ElementsAreArray;
using testing::IsEmpty;

std::unique_ptr<Device> cpu() { return open_device("cpu", {.precision = Precision::fp32}).value(); }

std::vector<Finding> ask(const std::string& probe, Device& device) {
  return find_probe(probe)->run(device, Precision::fp32);
}

// Those that hold results against a reference.
std::vector<Finding> numeric(std::vector<Finding> findings) {
  std::erase_if(findings, [](const Finding& f) { return !f.errors; });
  return findings;
}

std::vector<std::string> names_of(const std::vector<Finding>& findings, Outcome outcome) {
  std::vector<std::string> names;
  for (const Finding& f : findings) {
    if (f.outcome == outcome) names.push_back(f.what);
  }
  return names;
}

// The classifier's 25 million weights are looked at once, below.
std::vector<std::string> quick_probes() {
  std::vector<std::string> names;
  for (const Probe& probe : probes()) {
    if (probe.name != "classifier") names.emplace_back(probe.name);
  }
  return names;
}

// "probe: what: outcome" of all that does not pass.
std::vector<std::string> exceptions_on(const std::function<std::unique_ptr<Device>()>& open) {
  std::vector<std::string> exceptions;
  for (const std::string& name : quick_probes()) {
    const auto device = open();
    const std::vector<Finding> findings = ask(name, *device);
    EXPECT_THAT(findings, testing::Not(IsEmpty())) << name;
    for (const Finding& f : findings) {
      if (f.outcome == Outcome::pass) continue;
      exceptions.push_back(fmt::format("{}: {}: {}", name, f.what, to_string(f.outcome)));
    }
  }
  return exceptions;
}

TEST(Probes, AreFoundByTheirNameAndTheSeeds) {
  EXPECT_EQ(find_probe("sdpa5")->name, "sdpa5");
  EXPECT_EQ(find_probe("test_sdpa5"), find_probe("sdpa5"));
  EXPECT_EQ(find_probe("sdpa"), nullptr);
}

TEST(Probes, FindOnCpuWhatTheEngineDoesOtherwise) {
  const auto exceptions = exceptions_on([] { return faulty(cpu(), Fault::none); });
  EXPECT_THAT(exceptions,
              ElementsAreArray({
                  "weight_reload: weights rewritten to 3I change the result: differs",
                  "weight_patch: files rewritten to 2I, the program unloaded and loaded: differs",
                  "weight_patch: classes of weights: unavailable",
                  "weight_patch: weightsBuffer with a weight file of 5I: unavailable",
                  "weight_patch: weightsBuffer with 7I: unavailable",
                  "perf_stats: objects of statistics: unavailable",
                  "qos_sweep: qualities that work: differs",
                  "ane_advanced: classes of the framework: unavailable",
                  "ane_advanced: weightsBuffer with 3I overrides weights I: unavailable",
                  "ane_advanced: procedure indices 0 to 15 that work: differs",
                  "ane_advanced: shared events: unavailable",
                  "ane_advanced: chained requests: unavailable",
                  "causal_attn: time of the whole: unavailable",
                  "sdpa5: a constant in the text: differs",
                  "sdpa5: a weight in a file: differs",
                  "sdpa5: an input: differs",
                  "conv_attn3: time of the whole: unavailable",
                  "dynamic_matmul: 768 by 768 by 256: time with W written each time: unavailable",
                  "dynamic_matmul: the same in tiles of 64 columns: time with W written each time: unavailable",
                  "dynamic_matmul: the same in tiles of 128 columns: time with W written each time: unavailable",
                  "dynamic_matmul: the same in tiles of 256 columns: time with W written each time: unavailable",
                  "dynamic_matmul: the same in tiles of 384 columns: time with W written each time: unavailable",
              }));
}

TEST(Probes, FindOnSimulatedEnginesWhatIsPublished) {
  for (const char* name : {"sim:m4", "sim:m5"}) {
    const auto exceptions = exceptions_on([name] { return open_device(name).value(); });
    EXPECT_THAT(exceptions,
                ElementsAreArray({
                    "weight_patch: classes of weights: unavailable",
                    "ane_advanced: classes of the framework: unavailable",
                    "ane_advanced: shared events: unavailable",
                    "causal_attn: time of the whole: unavailable",
                    "conv_attn3: time of the whole: unavailable",
                    "dynamic_matmul: 768 by 768 by 256: time with W written each time: unavailable",
                    "dynamic_matmul: the same in tiles of 64 columns: time with W written each time: unavailable",
                    "dynamic_matmul: the same in tiles of 128 columns: time with W written each time: unavailable",
                    "dynamic_matmul: the same in tiles of 256 columns: time with W written each time: unavailable",
                    "dynamic_matmul: the same in tiles of 384 columns: time with W written each time: unavailable",
                }))
        << name;
  }
}

class ProbeOf : public testing::TestWithParam<std::string> {};

TEST_P(ProbeOf, ResultsThatAreWrongFail) {
  const std::vector<Finding> right = numeric(ask(GetParam(), *faulty(cpu(), Fault::none)));
  EXPECT_EQ(std::ssize(names_of(right, Outcome::pass)), std::ssize(right));
  for (const Fault fault : {Fault::zeros, Fault::constant, Fault::untouched, Fault::stale, Fault::one_off,
                            Fault::not_a_number, Fault::inputs_ignored}) {
    const std::vector<Finding> findings = ask(GetParam(), *faulty(cpu(), fault));
    EXPECT_EQ(outcome_of(findings), Outcome::fail) << to_string(fault);
    // qos_sweep checks numbers that it does not list one by one.
    EXPECT_EQ(numeric(findings).empty(), right.empty()) << to_string(fault);
    EXPECT_THAT(names_of(numeric(findings), Outcome::pass), IsEmpty()) << to_string(fault);
  }
}

TEST_P(ProbeOf, ProgramsThatDoNotRunFail) {
  for (const Fault fault : {Fault::refuses, Fault::fails}) {
    const std::vector<Finding> findings = ask(GetParam(), *faulty(cpu(), fault));
    EXPECT_THAT(numeric(findings), IsEmpty()) << to_string(fault);
    EXPECT_NE(outcome_of(findings), Outcome::pass) << to_string(fault);
  }
}

INSTANTIATE_TEST_SUITE_P(Every, ProbeOf, testing::ValuesIn(quick_probes()),
                         [](const auto& info) { return info.param; });

TEST(Probes, SwappedInputsFail) {
  for (const char* name : {"causal_attn", "sdpa5"}) {
    EXPECT_THAT(names_of(numeric(ask(name, *faulty(cpu(), Fault::inputs_swapped))), Outcome::pass), IsEmpty()) << name;
  }
}

// What fails where programs are not what they should be.
std::vector<std::string> failures(const std::string& probe, const Edit& edit) {
  return names_of(ask(probe, *editing(cpu(), edit)), Outcome::fail);
}

// The seed's reference, and its host's gradient, which is right only where w is 1.
TEST(ProgramFaults, NormsGradientWithTheProjectionTimesW) {
  const auto times_w = [](mil::Function& function, mil::Weights&) {
    mil::Builder b;
    const mil::Value in = b.input("x", {mil::DType::fp16, {1, 1536, 1, 256}});
    const mil::Value w = b.weight("w", {mil::DType::fp16, {1, 768, 1, 1}});
    const mil::Value dy = slice(in, 1, 0, 768), x = slice(in, 1, 768, 768);
    const mil::Value rho = pow(sum(x * x, 1) * (1.0 / 768) + 1e-5, -0.5);
    const mil::Value c = rho * rho * (sum(w * dy * x, 1) * (1.0 / 768));
    b.output("y", w * rho * (dy - x * c));
    function = b.finish().value();
  };
  EXPECT_THAT(failures("rmsnorm_bwd", times_w), ElementsAre("dx"));
}

TEST(ProgramFaults, AttentionWithAnotherScale) {
  const auto edit = [](mil::Function& f, mil::Weights&) { replace_number(f, 0.125, 0.12); };
  EXPECT_THAT(failures("full_fused", edit), ElementsAre("attention where its softmax is not flat"));
}

TEST(ProgramFaults, AttentionWithoutItsMask) {
  const auto edit = [](mil::Function&, mil::Weights& weights) {
    set_weight(weights, "mask", {1, 1, 64, 64}, Numbers(size_t{64} * 64, 0.0));
  };
  EXPECT_THAT(failures("full_fused", edit), ElementsAre("attention", "attention where its softmax is not flat"));
}

TEST(ProgramFaults, FeedForwardNetworkWithAnotherGate) {
  const auto edit = [](mil::Function& f, mil::Weights&) { replace_op(f, "sigmoid", "tanh"); };
  EXPECT_THAT(failures("full_fused", edit), ElementsAre("feed-forward network"));
}

TEST(ProgramFaults, ScoresWithKeysNotTransposed) {
  const auto edit = [](mil::Function& f, mil::Weights&) {
    if (f.inputs.size() == 2 && f.value(f.inputs[0]).name == "k") set_flag(f, "matmul", "transpose_y", false);
  };
  EXPECT_THAT(failures("causal_attn", edit),
              ElementsAre("Q·Kᵀ on the device", "causal attention, softmax on the host"));
}

TEST(ProgramFaults, ProjectionsInAnotherOrder) {
  const auto edit = [](mil::Function& f, mil::Weights&) { reverse_argument(f, "concat", "values"); };
  EXPECT_THAT(failures("fused_qkv", edit), ElementsAre("all in one dispatch"));
}

TEST(ProgramFaults, ADifferenceForASum) {
  const auto edit = [](mil::Function& f, mil::Weights&) { replace_op(f, "add", "sub"); };
  EXPECT_THAT(failures("fused_bwd", edit), ElementsAre("dx", "dx of waves 30 times as high"));
}

// The product that the seed's reference computes; of the identity it is the same.
TEST(ProgramFaults, AMatrixNotTransposed) {
  const auto edit = [](mil::Function& f, mil::Weights&) { set_flag(f, "matmul", "transpose_y", true); };
  EXPECT_THAT(failures("dynamic_matmul", edit), testing::Contains("768 by 768 by 256"));
}

TEST(Sdpa5, TellsADeviceThatHeedsTheMaskFromOneThatDoesNot) {
  const auto answers = [](const std::string& device_name) {
    std::vector<std::string> answers;
    for (const Finding& f : ask("sdpa5", *open_device(device_name).value())) {
      if (!f.errors) answers.push_back(f.answer);
    }
    return answers;
  };
  EXPECT_THAT(answers("ref"), ElementsAre("NON-CAUSAL", "CAUSAL", "CAUSAL", "CAUSAL"));
  EXPECT_THAT(answers("sim:m4"), ElementsAre("NON-CAUSAL", "NON-CAUSAL", "NON-CAUSAL", "NON-CAUSAL"));
  EXPECT_THAT(answers("sim:m4:coreml"), ElementsAre("NON-CAUSAL", "CAUSAL", "CAUSAL", "CAUSAL"));
}

// One element of each result is off by the deviation, and no other by more than a hundredth of that: all else is right.
TEST(Classifier, SeesOneElementThatIsOff) {
  const std::vector<Finding> findings = numeric(ask("classifier", *faulty(cpu(), Fault::one_off)));
  std::vector<std::string> names;
  for (const Finding& f : findings) {
    EXPECT_EQ(f.outcome, Outcome::fail) << f.what;
    EXPECT_NEAR(f.errors->largest, f.errors->deviation, 0.01 * f.errors->deviation) << f.what;
    names.push_back(f.what);
  }
  EXPECT_THAT(names, ElementsAre("final norm", "logits, as a convolution", "softmax over the vocabulary",
                                 "gradient, as a matmul", "gradient of inputs 32 times as large"));
}

TEST(Classifier, PassesOnASimulatedEngine) {
  const std::vector<Finding> findings = ask("classifier", *open_device("sim:m5").value());
  EXPECT_EQ(numeric(findings).size(), 5U);
  EXPECT_THAT(names_of(findings, Outcome::fail), IsEmpty());
}

}  // namespace
}  // namespace anemone::probe
