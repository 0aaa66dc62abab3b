// What was seen of engines like the simulated one when their own interface was called beyond programs.
//
//   PublishedCalls calls(profile);
//   for (const EngineAnswer& answer : TRY(calls.chaining(program, inputs, outputs))) print(answer.call, answer.source);
#pragma once

#include "device/engine_calls.h"
#include "mil/engine/profile.h"

namespace anemone::sim {

// Fails where nobody has told what such an engine answers.
class PublishedCalls final : public EngineCalls {
 public:
  explicit PublishedCalls(const mil::Profile& profile) : profile_(profile) {}

  Answers rewrite_weights(Program& program, const mil::Weights& weights) override;  // changes nothing (C01)
  Answers statistics(Program& program, const Surfaces& inputs, const Surfaces& outputs) override;
  Answers shared_events(Program& program, const Surfaces& inputs, const Surfaces& outputs) override;
  Answers chaining(Program& program, const Surfaces& inputs, const Surfaces& outputs) override;
  // Programs run, and take their time, as they do without: the real-time call gained on tiny ones alone.
  Answers begin_real_time() override;
  Answers end_real_time() override;

 private:
  mil::Profile profile_;
  RealTimeBracket real_time_;
};

}  // namespace anemone::sim
