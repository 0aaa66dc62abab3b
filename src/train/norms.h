// RMSNorms of a model, on the host (core offload) or on the device (full).
#pragma once

#include <optional>

#include "train/host_ops.h"
#include "train/layer_kernel.h"

namespace anemone::train {

// One of the norms that every layer has (attention_norm, ffn_norm, q_norm, k_norm), or the final norm. q_norm and
// k_norm work on each head by itself.
class Norm {
 public:
  enum class Passes { forward, backward, both };

  // `count`: how many layers have it. Only the passes asked for may be called.
  static Result<Norm> create(Workbench& bench, model::Weight weight, int64_t count, Passes passes);

  Result<> stage(Workbench& bench, const LayerLookup& weights);
  void refresh(const ChangedRows& changed);
  Result<> restage(Workbench& bench, const LayerLookup& weights);

  // y = norm(x); x and y [C, T], different.
  Result<> forward(Workbench& bench, int64_t layer, std::span<const float> x, std::span<float> y);
  // dx = or += the gradient through the norm of x; dw = or += its weight's, as the queue of
  // gradients has it. dx may be dy where it is assigned on the host.
  Result<> backward(Workbench& bench, int64_t layer, std::span<const float> x, std::span<const float> dy, Into into,
                    std::span<float> dx, std::span<float> dw);

 private:
  static Result<> backward_on_device(Workbench& bench, model::KernelCall& call, std::span<const float> x,
                                     std::span<const float> dy, Into into, std::span<float> dx);
  const float* weight(int64_t layer) const { return lookups_[static_cast<size_t>(layer)](weight_).data(); }

  model::Weight weight_ = model::Weight::attention_norm;
  std::vector<model::WeightLookup> lookups_;
  int64_t count_ = 0;
  int64_t length_ = 0;                             // of the weight: D, or h
  Buffer<float> scratch_;                          // [2, T]
  std::optional<LayerKernel> forward_, backward_;  // on the device
};

}  // namespace anemone::train
