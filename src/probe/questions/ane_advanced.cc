// What the engine's requests take beside inputs and outputs.
#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "mil/engine/rule.h"
#include "probe/draw.h"
#include "probe/questions/engine_answers.h"
#include "probe/questions/questions.h"
#include "probe/questions/scaled_convolution.h"

namespace anemone::probe {
namespace {

constexpr ScaledConvolution kConvolution{.channels = 256, .width = 64};

Numbers fresh_input(uint32_t seed) {
  Drand48 random(seed);
  return rounded(mil::DType::fp16, draw(random, kConvolution.elements(), 1.0));
}

Result<> count_classes(Inquiry& inquiry) {
  std::set<std::string> names;
  for (const Fact& fact : classes_about(inquiry.device(), {"ANE"})) names.insert(fact.group);
  if (names.empty()) {
    inquiry.unavailable("classes of the framework", "the device has no classes");
    return {};
  }
  inquiry.answer("classes of the framework", fmt::format("{}", names.size()), {{"M5", "67", "maderix"}});
  return {};
}

Result<> give_weights(Inquiry& inquiry, Trial& trial) {
  constexpr const char* kWhat = "weightsBuffer with 3I overrides weights I";
  const mil::Tensor weights = mil::Tensor::from_numbers(
      {mil::DType::fp16, {kConvolution.channels, kConvolution.channels, 1, 1}}, kConvolution.matrix(3));
  const auto surface = TRY(inquiry.device().allocate(weights.bytes().size()));
  std::ranges::copy(weights.bytes(), surface->map(Access::write).bytes().begin());
  if (const Result<> bound = trial.bind({.weights = surface.get()}); !bound) {
    inquiry.unavailable(kWhat, bound.error().message);
    return {};
  }
  TRY(ask_whether_changed(inquiry, kWhat, trial, fresh_input(1), 3, {{"M5", "no", "maderix"}}));
  return trial.bind({});
}

Result<> run_procedure(Trial& trial, uint32_t index) {
  TRY(trial.bind({.procedure = index}));
  TRY(trial.run());
  return {};
}

// Refused where a request cannot be made or run; a request that runs has to compute y = x.
Result<> number_procedures(Inquiry& inquiry, Trial& trial) {
  int taken = 0;
  std::vector<Fact> facts;
  for (uint32_t index = 0; index <= mil::kProcedures; ++index) {
    const Numbers x = fresh_input(2 + index);
    trial.write(0, x);
    const Result<> answered = run_procedure(trial, index);
    if (answered && !factor_between(x, trial.read(0), {1.0}))
      return fail("with procedure index {} the result is wrong", index);
    facts.push_back({"procedureIndex", fmt::format("{}", index), answered ? "OK" : answered.error().message});
    if (answered && index < mil::kProcedures) ++taken;
  }
  inquiry.list("each index", std::move(facts));
  inquiry.answer("procedure indices 0 to 15 that work", fmt::format("{} of {}", taken, mil::kProcedures),
                 {{"M5", "16 of 16", "maderix"}});
  return {};
}

using Call = EngineCalls::Answers (EngineCalls::*)(Program&, const EngineCalls::Surfaces&,
                                                   const EngineCalls::Surfaces&);

// A finding with the calls, or that there are none. The answers.
std::vector<EngineAnswer> try_calls(Inquiry& inquiry, const std::string& what, Trial& trial, Call call) {
  EngineCalls* const calls = inquiry.device().engine_calls();
  if (calls == nullptr) {
    inquiry.unavailable(what, "the device is no engine");
    return {};
  }
  auto answers = (calls->*call)(trial.program(), trial.inputs(), trial.outputs());
  if (!answers) {
    inquiry.unavailable(what, answers.error().message);
    return {};
  }
  inquiry.list(what, facts_of(*answers));
  return *answers;
}

void try_chaining(Inquiry& inquiry, Trial& trial) {
  for (const EngineAnswer& answer : try_calls(inquiry, "chained requests", trial, &EngineCalls::chaining)) {
    if (answer.call.find("prepareChaining") == std::string::npos) continue;
    inquiry.answer("a chain is prepared", answer.taken ? "yes" : "no",
                   {{"M4 Max", "no", "dev-erik: Code 15"}, {"M5", "yes", "ane-infer"}});
  }
}

Result<> ask(Inquiry& inquiry) {
  inquiry.part("classes", [&] { return count_classes(inquiry); });
  Trial trial = TRY(Trial::create(inquiry.device(), TRY(kConvolution.function()), kConvolution.weights(1)));
  TRY(inquiry.check(trial, kConvolution.check("weights I: y = x", 1)));
  inquiry.part("weightsBuffer", [&] { return give_weights(inquiry, trial); });
  inquiry.part("procedureIndex", [&] { return number_procedures(inquiry, trial); });
  try_calls(inquiry, "shared events", trial, &EngineCalls::shared_events);
  try_chaining(inquiry, trial);
  return {};
}

}  // namespace

Probe ane_advanced() {
  return {.name = "ane_advanced",
          .question = "What do requests take beside inputs and outputs?",
          .method =
              "a convolution of 256 channels with weights I: a request with weightsBuffer 3I, with procedure indices "
              "0 to 16, with shared events, and in a chain",
          .reference = "y = x, or 3x where the buffer is taken",
          .ask = ask};
}

}  // namespace anemone::probe
