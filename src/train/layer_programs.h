// What differs between baked and dynamic weights: which programs a layer's passes are cut into.
//
// Activations are [C, T] on the host; a returned view is valid until the next call.
#pragma once

#include <memory>

#include "model/parameters.h"
#include "train/layer_kernel.h"

namespace anemone::train {

using FloatView = std::span<const float>;

class LayerPrograms {
 public:
  virtual ~LayerPrograms() = default;

  virtual Result<> stage(const LayerLookup& weights) = 0;
  virtual void refresh(const ChangedRows& changed) = 0;
  virtual Result<> restage(const LayerLookup& weights) = 0;

  // o = Wo·attention(norm(x)); keeps q, k, v, a, xn (, q_raw, k_raw).
  virtual Result<FloatView> attention(int64_t l, FloatView x) = 0;
  // x_next = x2 + α·ffn(norm(x2)); keeps h1, h3, g.
  virtual Result<> ffn(int64_t l, FloatView x2, std::span<float> x_next) = 0;

  // The call whose output holds what attention() kept of layer l.
  virtual model::KernelCall& attention_taps(int64_t l) = 0;

  // From df the gradient by norm(x2); adds dW1, dW2, dW3.
  virtual Result<FloatView> ffn_backward(int64_t l, FloatView df, const model::LayerView& dw) = 0;
  // From the gradient by o: the call whose output holds dv and, where the device takes attention as a whole, dq and dk,
  // else p and dp.
  virtual Result<model::KernelCall*> values_backward(int64_t l, FloatView d_o) = 0;
  // From dq, dk (host) and dv (in `values`): the gradient by norm(x).
  virtual Result<FloatView> projections_backward(int64_t l, FloatView dq, FloatView dk,
                                                 const model::KernelCall& values) = 0;
};

// Six programs a layer, compiled anew when the weights change.
Result<std::unique_ptr<LayerPrograms>> baked_programs(Workbench& bench);
// Ten programs for all layers, compiled once; the weights stand in each layer's input surfaces.
Result<std::unique_ptr<LayerPrograms>> dynamic_programs(Workbench& bench);

}  // namespace anemone::train
