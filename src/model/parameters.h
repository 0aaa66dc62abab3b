// A model's parameters, or anything of the same shape (gradients, Adam's moments): named float tensors in one block.
//
//   Parameters weights(config);
//   std::span<float> wq = weights.layer(3).wq;       // [Q, D], row-major [out, in]
//   for (const TensorInfo& t : weights.tensors()) ...
//
// A const Parameters gives the same views over const floats.
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

// The weights of one layer; matrices are row-major [out, in]. T is float or const float.
template <class T>
struct BasicLayerView {
  std::span<T> attention_norm;  // [D]
  std::span<T> wq;              // [Q, D]
  std::span<T> wk, wv;          // [K, D]
  std::span<T> wo;              // [D, Q]
  std::span<T> q_norm, k_norm;  // [h]; empty without qk_norm
  std::span<T> ffn_norm;        // [D]
  std::span<T> w1, w3;          // [H, D]: gate and up
  std::span<T> w2;              // [D, H]: down
};
using LayerView = BasicLayerView<float>;
using ConstLayerView = BasicLayerView<const float>;

// All tensors of a configuration in their order in the block: the embedding, each layer (attention, feed-forward, then
// q and k norms), the final norm and, where it is not tied, the classifier.
std::vector<TensorInfo> parameter_layout(const Config& config);

class Parameters {
 public:
  explicit Parameters(const Config& config);  // zeros

  std::span<float> all() { return {block_.data(), block_.size()}; }
  std::span<const float> all() const { return {block_.data(), block_.size()}; }
  const std::vector<TensorInfo>& tensors() const { return tensors_; }
  std::span<float> tensor(const TensorInfo& info) { return slice(all(), info); }
  std::span<const float> tensor(const TensorInfo& info) const { return slice(all(), info); }

  LayerView layer(int64_t l);
  ConstLayerView layer(int64_t l) const;
  std::span<float> embedding() { return tensor(tensors_.front()); }  // [V, D]
  std::span<const float> embedding() const { return tensor(tensors_.front()); }
  std::span<float> final_norm() { return tensor(tensors_[final_norm_]); }  // [D]
  std::span<const float> final_norm() const { return tensor(tensors_[final_norm_]); }
  std::span<float> classifier() { return tensor(tensors_[classifier_]); }  // [V, D]; the embedding where tied
  std::span<const float> classifier() const { return tensor(tensors_[classifier_]); }

 private:
  template <class T>
  static std::span<T> slice(std::span<T> block, const TensorInfo& info) {
    return block.subspan(static_cast<size_t>(info.offset), static_cast<size_t>(info.count()));
  }
  template <class T>
  BasicLayerView<T> layer_view(std::span<T> block, int64_t l) const;

  std::vector<TensorInfo> tensors_;
  size_t tensors_per_layer_;
  size_t final_norm_, classifier_;  // indices into tensors_
  Buffer<float> block_;
};

// A configuration with its weights, as files hold them.
struct Model {
  Config config;
  Parameters weights;
  // The rotary tables a llama2.c file carries (cosines, then sines, each [S, h/2]), kept so that converting there and
  // back changes no bit; nothing else reads them. Empty: computed when such a file is written.
  std::vector<float> freq_cis;
};

}  // namespace anemone::model
