// The engine's calls that no program needs, made and answered for real.
//
//   Calls calls(framework);
//   calls.chaining(program, inputs, outputs)     // each call, and its own answer or error
#pragma once

#include "device/ane/framework.h"
#include "device/engine_calls.h"

namespace anemone::ane {

class Calls final : public EngineCalls {
 public:
  explicit Calls(const Framework& framework) : framework_(framework) {}

  Answers rewrite_weights(anemone::Program& program, const mil::Weights& weights) override;
  Answers statistics(anemone::Program& program, const Surfaces& inputs, const Surfaces& outputs) override;
  Answers shared_events(anemone::Program& program, const Surfaces& inputs, const Surfaces& outputs) override;
  Answers chaining(anemone::Program& program, const Surfaces& inputs, const Surfaces& outputs) override;

 private:
  const Framework& framework_;
};

}  // namespace anemone::ane
