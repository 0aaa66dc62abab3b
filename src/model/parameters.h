// A model's parameters, or anything of the same shape (gradients, Adam's moments): named float tensors in one block.
//
//   Parameters weights(config);
//   std::span<float> wq = weights.layer(3).wq;       // [Q, D], row-major [out, in]
//   for (const TensorInfo& t : weights.tensors()) ...
#pragma once

#include <span>
#include <string>
#include <vector>

#include "base/buffer.h"
#include "model/config.h"

namespace anemone::model {

struct TensorInfo {
  std::string name;  // Meta's names: "layers.0.attention.wq.weight"
  std::vector<int64_t> shape;
  int64_t offset = 0;  // in floats, from the start of the block
  int64_t count() const;
  bool is_norm() const { return shape.size() == 1; }
};

// The weights of one layer; matrices are row-major [out, in].
struct LayerView {
  std::span<float> attention_norm;  // [D]
  std::span<float> wq;              // [Q, D]
  std::span<float> wk, wv;          // [K, D]
  std::span<float> wo;              // [D, Q]
  std::span<float> q_norm, k_norm;  // [h]; empty without qk_norm
  std::span<float> ffn_norm;        // [D]
  std::span<float> w1, w3;          // [H, D]: gate and up
  std::span<float> w2;              // [D, H]: down
};

// All tensors of a configuration in their order in the block: the embedding, each layer (attention, feed-forward, then
// q and k norms), the final norm and, where it is not tied, the classifier.
std::vector<TensorInfo> parameter_layout(const Config& config);

class Parameters {
 public:
  explicit Parameters(const Config& config);  // zeros

  std::span<float> all() { return {block_.data(), block_.size()}; }
  std::span<const float> all() const { return {block_.data(), block_.size()}; }
  const std::vector<TensorInfo>& tensors() const { return tensors_; }
  std::span<float> tensor(const TensorInfo& info);

  LayerView layer(int64_t l) const;
  std::span<float> embedding() const { return named("tok_embeddings.weight"); }  // [V, D]
  std::span<float> final_norm() const { return named("norm.weight"); }           // [D]
  std::span<float> classifier() const;                                           // [V, D]; the embedding where tied

 private:
  std::span<float> at(size_t index) const;
  std::span<float> named(std::string_view name) const;

  Config config_;
  std::vector<TensorInfo> tensors_;
  mutable Buffer<float> block_;
};

}  // namespace anemone::model
