// What a trainer minimises.
//
// stage() brings the weights to the device; then any number of steps add their gradients, and finish() makes sure that
// all of them are in. Once the weights have changed, they are staged again before anything else runs.
#pragma once

#include <cstdint>
#include <span>

#include "base/result.h"
#include "model/parameters.h"
#include "train/metrics.h"

namespace anemone::train {

class Objective {
 public:
  virtual ~Objective() = default;
  virtual Result<> stage(const model::Parameters& weights) = 0;

  // The mean loss of a batch of token ids; each below the vocabulary's size, which the caller has checked.
  virtual Result<double> loss(std::span<const int32_t> inputs, std::span<const int32_t> targets) = 0;
  // The same, adding the gradients of scale·loss.
  virtual Result<double> step(std::span<const int32_t> inputs, std::span<const int32_t> targets, float scale,
                              model::Parameters& gradients) = 0;
  virtual void finish() = 0;
  virtual Timers& timers() = 0;
};

}  // namespace anemone::train
