// What a trainer minimises.
//
// stage() brings the weights to the device; then any number of steps compute gradients, and finish() makes sure that
// all of them are in. Once the weights have changed, they are staged again before anything else runs.
#pragma once

#include <cstdint>
#include <span>

#include "base/result.h"
#include "model/parameters.h"
#include "train/host_ops.h"
#include "train/metrics.h"
#include "train/update_listener.h"

namespace anemone::train {

class Objective : public UpdateListener {
 public:
  virtual Result<> stage(const model::Parameters& weights) = 0;
  // The same weights after an update of which on_updated() was told.
  virtual Result<> restage() = 0;

  // The mean loss of a batch of token ids; each below the vocabulary's size, which the caller has checked.
  virtual Result<double> loss(std::span<const int32_t> inputs, std::span<const int32_t> targets) = 0;
  // The same, and the gradients of scale·loss: added to those of the steps before, or in their place. What the loss
  // does not depend on (another tensor, a row of a token that the data never shows) is left as it is, zeros from the
  // start.
  virtual Result<double> step(std::span<const int32_t> inputs, std::span<const int32_t> targets, float scale, Into into,
                              model::Parameters& gradients) = 0;
  virtual void finish() = 0;
  virtual Timers& timers() = 0;
};

}  // namespace anemone::train
