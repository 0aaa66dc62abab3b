// The layers of a model on a device, forward and backward, whatever the source of their weights.
//
//   std::unique_ptr<Layers> layers = TRY(make_layers(bench));
//   TRY(layers->stage(weights));
//   for (int64_t l = 0; l < L; ++l) TRY(layers->forward(l, x));          // x [D, T] in place
//   for (int64_t l = L; l-- > 0;) TRY(layers->backward(l, dx, weights, gradients));
//   layers->release();                                                   // before the weights change
#pragma once

#include <memory>

#include "model/parameters.h"
#include "train/layer_kernel.h"

namespace anemone::train {

class Layers {
 public:
  virtual ~Layers() = default;
  virtual Result<> stage(const model::Parameters& weights) = 0;
  virtual void release() = 0;
  // x becomes x2 + α·ffn(norm(x2)) with x2 = x + α·attention(norm(x)).
  virtual Result<> forward(int64_t layer, std::span<float> x) = 0;
  // The gradient by the layer's output becomes that by its input; the weights' gradients are added.
  virtual Result<> backward(int64_t layer, std::span<float> dx, model::Parameters& gradients) = 0;
};

Result<std::unique_ptr<Layers>> make_layers(Bench& bench);

}  // namespace anemone::train
