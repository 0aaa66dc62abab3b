// What an engine counts of its own runs.
#include <fmt/format.h>

#include "mil/builder.h"
#include "probe/questions/engine_answers.h"
#include "probe/questions/questions.h"
#include "probe/questions/scaled_convolution.h"

namespace anemone::probe {
namespace {

constexpr ScaledConvolution kConvolution{.channels = 64, .width = 32, .boundary = mil::DType::fp32};
constexpr int64_t kMoreWork = 64;  // convolutions, one after another

Result<mil::Function> chain(int64_t depth) {
  mil::Builder b;
  mil::Value x = b.input("x", {mil::DType::fp16, {1, kConvolution.channels, 1, kConvolution.width}});
  const mil::Value w = b.weight("w", {mil::DType::fp16, {kConvolution.channels, kConvolution.channels, 1, 1}});
  for (int64_t i = 0; i < depth; ++i) x = conv(x, w);
  b.output("y", x);
  return b.finish();
}

Result<double> milliseconds_of(Device& device, int64_t depth) {
  Trial trial = TRY(Trial::create(device, TRY(chain(depth)), kConvolution.weights(1)));
  Inquiry aside(device, Precision::fp16);
  return TRY(aside.time("", trial, 3, 20)).milliseconds;
}

// The published answers of an engine's interface, from its calls.
Result<> ask_interface(Inquiry& inquiry, Trial& trial) {
  constexpr const char* kWhat = "objects of statistics";
  EngineCalls* const calls = inquiry.device().engine_calls();
  if (calls == nullptr) {
    inquiry.unavailable(kWhat, "the device is no engine");
    return {};
  }
  const auto answers = calls->statistics(trial.program(), trial.inputs(), trial.outputs());
  if (!answers) {
    inquiry.unavailable(kWhat, answers.error().message);
    return {};
  }
  inquiry.list(kWhat, facts_of(*answers));
  for (const EngineAnswer& answer : *answers) {
    if (answer.call.find("alloc") == std::string::npos) continue;
    inquiry.answer("alloc and init give one", answer.taken ? "yes" : "no", {{"M5", "no", "maderix"}});
  }
  return {};
}

Result<> ask(Inquiry& inquiry) {
  Device& device = inquiry.device();
  Trial trial = TRY(Trial::create(device, TRY(kConvolution.function()), kConvolution.weights(1)));
  TRY(inquiry.check(trial, kConvolution.check("y = x", 1)));
  if (std::vector<Fact> classes = classes_about(device, {"perf", "stat"}); !classes.empty()) {
    inquiry.list("classes of statistics", std::move(classes));
  }
  TRY(ask_interface(inquiry, trial));
  const Timing timing = TRY(inquiry.time("time", trial, 1, 100, kConvolution.flop()));
  inquiry.answer("a run tells a time that hardware counted", timing.clock == Clock::device ? "yes" : "no",
                 {{"M4 Max", "no", "dev-erik"}});
  const double less = TRY(milliseconds_of(device, 1)), more = TRY(milliseconds_of(device, kMoreWork));
  constexpr const char* kGrows = "64 times the work takes longer";
  if (more > less) {
    inquiry.answer(kGrows, "yes");
  } else {
    inquiry.fail(kGrows, fmt::format("one convolution takes {:.4f} ms, {} take {:.4f} ms", less, kMoreWork, more));
  }
  return {};
}

}  // namespace

Probe perf_stats() {
  return {.name = "perf_stats",
          .question = "What does the device count of a run?",
          .method =
              "a convolution of 64 channels, with objects of statistics where the device has them; 100 runs; one "
              "convolution beside 64 in a row",
          .reference = "y = x; more work takes longer",
          .ask = ask};
}

}  // namespace anemone::probe
