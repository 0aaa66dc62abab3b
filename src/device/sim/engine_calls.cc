#include "device/sim/engine_calls.h"

#include <span>

#include "mil/engine_rules.h"

namespace anemone::sim {
namespace {

using mil::Chip;
using mil::only;

struct Known {
  unsigned chips;  // a bit a chip
  EngineAnswer answer;
};

// Nobody has published a run that gave a hardware time.
std::span<const Known> known_statistics() {
  static const std::vector<Known> kKnown{
      {mil::kM4Family | only({Chip::m5}),
       {"+[_ANEPerformanceStats alloc] -init", false, "nil", "maderix (M5), dev-erik (M4 Max)"}},
      {mil::kM4Family | only({Chip::m5}),
       {"+[_ANEPerformanceStats statsWithHardwareExecutionNS:]", true, "an object", "maderix (M5), dev-erik (M4 Max)"}},
      {mil::kM4Family, {"-perfStatsMask = 0xFF, -evaluate…", true, "the counters stay nil", "dev-erik (M4 Max)"}}};
  return kKnown;
}

std::span<const Known> known_chaining() {
  constexpr unsigned kTried = mil::kM4Family | only({Chip::m5});
  constexpr std::string_view kPrepare = "-[_ANEClient prepareChainingWithModel:options:chainingReq:qos:error:]";
  static const std::vector<Known> kKnown{
      {kTried,
       {"+[_ANEBuffer bufferWithIOSurfaceObject:symbolIndex:source:]", true, "an object",
        "dev-erik (M4 Max), ane-infer (M5)"}},
      {kTried,
       {"+[_ANEIOSurfaceOutputSets objectWithstatsSurRef:outputBuffer:]", true, "an object",
        "dev-erik (M4 Max), ane-infer (M5)"}},
      {kTried, {"-[_ANEChainingRequest validate]", true, "YES", "dev-erik (M4 Max), ane-infer (M5)"}},
      {mil::kM4Family, {std::string(kPrepare), false, "Code 15", "dev-erik (M4 Max)"}},
      {only({Chip::m5}),
       {std::string(kPrepare), true, "YES, with a client of its own and an _ANEModel", "ane-infer (M5)"}},
      {only({Chip::m5}),
       {"-[_ANEClient buffersReadyWithModel:inputBuffers:options:qos:error:]", false, "NO", "ane-infer (M5)"}}};
  return kKnown;
}

std::span<const Known> known_beginnings() {
  static const std::vector<Known> kKnown{
      {mil::kM4Family,
       {"-[_ANEClient beginRealTimeTask]", false, "NO, it may want an entitlement", "dev-erik (M4 Max)"}},
      {mil::kM4Family,
       {"-[_ANEClient evaluateRealTimeWithModel:options:request:error:]", true, "YES", "dev-erik (M4 Max)"}}};
  return kKnown;
}

std::span<const Known> known_endings() {
  static const std::vector<Known> kKnown{
      {mil::kM4Family, {"-[_ANEClient endRealTimeTask]", false, "NO", "dev-erik (M4 Max)"}}};
  return kKnown;
}

EngineCalls::Answers told_of(const mil::Profile& profile, std::string_view what, std::span<const Known> known) {
  std::vector<EngineAnswer> answers;
  for (const Known& one : known) {
    if (profile.path == mil::Path::direct && mil::Conditions{.chips = one.chips}.hold(profile))
      answers.push_back(one.answer);
  }
  if (answers.empty()) return fail("nobody has published what {} answers to {}", to_string(profile), what);
  return answers;
}

}  // namespace

EngineCalls::Answers PublishedCalls::rewrite_weights(Program&, const mil::Weights&) {
  const mil::EngineRule* const rule = mil::find_rule("C01", profile_);
  if (rule == nullptr) return fail("nobody has published what {} makes of rewritten files", to_string(profile_));
  return std::vector<EngineAnswer>{{"weights/weight.bin overwritten, -unload…, -load…", true,
                                    std::string(rule->statement), std::string(rule->source)}};
}

EngineCalls::Answers PublishedCalls::statistics(Program&, const Surfaces&, const Surfaces&) {
  return told_of(profile_, "requests for statistics", known_statistics());
}

EngineCalls::Answers PublishedCalls::shared_events(Program&, const Surfaces&, const Surfaces&) {
  return told_of(profile_, "shared events", {});
}

EngineCalls::Answers PublishedCalls::chaining(Program&, const Surfaces&, const Surfaces&) {
  return told_of(profile_, "chained requests", known_chaining());
}

EngineCalls::Answers PublishedCalls::begin_real_time() {
  std::vector<EngineAnswer> answers = TRY(told_of(profile_, "a real-time task", known_beginnings()));
  TRY(real_time_.open());
  return answers;
}

EngineCalls::Answers PublishedCalls::end_real_time() {
  std::vector<EngineAnswer> answers = TRY(told_of(profile_, "a real-time task", known_endings()));
  TRY(real_time_.close());
  return answers;
}

}  // namespace anemone::sim
