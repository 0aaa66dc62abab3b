// The engine's calls that no program needs, made and answered for real.
//
//   Calls calls(engine);
//   calls.chaining(program, inputs, outputs)     // each call, and its own answer or error
#pragma once

#include "device/ane/engine.h"
#include "device/engine_calls.h"

namespace anemone::ane {

class Calls final : public EngineCalls {
 public:
  explicit Calls(const Engine& engine) : framework_(engine.framework()), real_time_(engine.real_time()) {}

  Answers rewrite_weights(anemone::Program& program, const mil::Weights& weights) override;
  Answers statistics(anemone::Program& program, const Surfaces& inputs, const Surfaces& outputs) override;
  Answers shared_events(anemone::Program& program, const Surfaces& inputs, const Surfaces& outputs) override;
  Answers chaining(anemone::Program& program, const Surfaces& inputs, const Surfaces& outputs) override;
  Answers begin_real_time() override;
  Answers end_real_time() override;

 private:
  const Framework& framework_;
  RealTime& real_time_;
};

}  // namespace anemone::ane
