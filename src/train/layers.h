// The layers of a model on a device, forward and backward, whatever the source of their weights.
//
//   Layers layers = TRY(Layers::create(bench));
//   TRY(layers.stage(weights));
//   for (int64_t l = 0; l < L; ++l) TRY(layers.forward(l, x));          // x [D, T], in place
//   for (int64_t l = L; l-- > 0;) TRY(layers.backward(l, dx, gradients));
//
// Weight gradients may still be under way when backward() returns: the queue's wait() joins them.
#pragma once

#include <array>
#include <memory>

#include "train/layer_programs.h"
#include "train/norms.h"

namespace anemone::train {

class Layers {
 public:
  static Result<Layers> create(Workbench& bench);

  Result<> stage(const model::Parameters& weights);
  // The weights have changed: what refresh() was told of, restage() completes.
  void refresh(const ChangedRows& changed);
  Result<> restage(const model::Parameters& weights);

  // x becomes x2 + α·ffn(norm(x2)) with x2 = x + α·attention(norm(x)).
  Result<> forward(int64_t l, std::span<float> x);
  // The gradient by the layer's output becomes that by its input; the weights' gradients are added.
  Result<> backward(int64_t l, std::span<float> dx, model::Parameters& gradients);

 private:
  explicit Layers(Workbench& bench) : bench_(&bench), whole_attention_(bench.whole_attention()) {}
  Result<> create_backward();
  std::array<Norm*, 4> norms() { return {&attention_norm_, &ffn_norm_, &q_norm_, &k_norm_}; }
  Result<model::KernelCall*> score_gradients(int64_t l, model::KernelCall& taps, model::KernelCall& values);
  Result<FloatView> attention_backward(int64_t l, FloatView d_o, const model::LayerView& dw);
  Result<FloatView> through_head_norm(Norm& norm, int64_t l, const model::KernelCall& taps, std::string_view raw,
                                      FloatView gradient, std::span<float> to, std::span<float> dw);
  FloatView scaled(FloatView gradient);

  Workbench* bench_;
  std::unique_ptr<LayerPrograms> programs_;
  LayerKernel sdpa_backward2_;  // unless the device takes attention as a whole
  bool whole_attention_;
  Norm attention_norm_, ffn_norm_, q_norm_, k_norm_;  // backward
  std::vector<Buffer<float>> x_, x2_;                 // [D, T] a layer: its input, and after attention
  Buffer<float> scaled_, dq_, dk_;
};

}  // namespace anemone::train
