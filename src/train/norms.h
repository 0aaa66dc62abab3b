// RMSNorms of a model, on the host (core offload) or on the device (full).
#pragma once

#include <optional>

#include "train/host_ops.h"
#include "train/layer_kernel.h"

namespace anemone::train {

// One of the norms that every layer has (attention_norm, ffn_norm, q_norm, k_norm), or the final norm. q_norm and k_norm
// work on each head by itself.
class Norm {
 public:
  // `forward`: whether forward() will be called; the baked layers have theirs inside their programs.
  static Result<Norm> create(Bench& bench, model::Weight weight, int64_t count, bool forward);

  Result<> stage(Bench& bench, const std::function<model::WeightLookup(int64_t layer)>& weights);
  void release();

  // y = norm(x); [C, T].
  Result<> forward(Bench& bench, int64_t layer, std::span<const float> x, std::span<float> y);
  // dx = or += the gradient through the norm of x; dw += its weight's.
  Result<> backward(Bench& bench, int64_t layer, std::span<const float> x, std::span<const float> dy, Into into,
                    std::span<float> dx, std::span<float> dw);

 private:
  const float* weight(int64_t layer) const { return lookups_[static_cast<size_t>(layer)](weight_).data(); }

  model::Weight weight_ = model::Weight::attention_norm;
  std::vector<model::WeightLookup> lookups_;
  int64_t count_ = 0;
  std::optional<LayerKernel> forward_, backward_;   // on the device
};

}  // namespace anemone::train
