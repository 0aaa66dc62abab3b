#include "model/parameters.h"

#include <functional>
#include <numeric>

#include "base/check.h"

namespace anemone::model {

int64_t TensorInfo::count() const {
  return std::accumulate(shape.begin(), shape.end(), int64_t{1}, std::multiplies<>());
}

std::vector<TensorInfo> parameter_layout(const Config& c) {
  std::vector<TensorInfo> tensors;
  int64_t offset = 0;
  const auto add = [&](std::string name, std::vector<int64_t> shape) {
    tensors.push_back({std::move(name) + ".weight", std::move(shape), offset});
    offset += tensors.back().count();
  };
  add("tok_embeddings", {c.vocab, c.dim});
  for (int64_t l = 0; l < c.layers; ++l) {
    const std::string layer = fmt::format("layers.{}.", l);
    add(layer + "attention_norm", {c.dim});
    add(layer + "attention.wq", {c.q_dim(), c.dim});
    add(layer + "attention.wk", {c.kv_dim(), c.dim});
    add(layer + "attention.wv", {c.kv_dim(), c.dim});
    add(layer + "attention.wo", {c.dim, c.q_dim()});
    add(layer + "ffn_norm", {c.dim});
    add(layer + "feed_forward.w1", {c.hidden, c.dim});
    add(layer + "feed_forward.w3", {c.hidden, c.dim});
    add(layer + "feed_forward.w2", {c.dim, c.hidden});
    if (c.qk_norm) {
      add(layer + "attention.q_norm", {c.head_dim});
      add(layer + "attention.k_norm", {c.head_dim});
    }
  }
  add("norm", {c.dim});
  if (!c.tied) add("output", {c.vocab, c.dim});
  return tensors;
}

Parameters::Parameters(const Config& config)
    : tensors_(parameter_layout(config)),
      tensors_per_layer_(config.qk_norm ? 11 : 9),
      final_norm_(1 + static_cast<size_t>(config.layers) * tensors_per_layer_),
      classifier_(config.tied ? 0 : final_norm_ + 1),
      block_(static_cast<size_t>(tensors_.back().offset + tensors_.back().count())) {}

template <class T>
BasicLayerView<T> Parameters::layer_view(std::span<T> block, int64_t l) const {
  const size_t first = 1 + static_cast<size_t>(l) * tensors_per_layer_;  // the embedding stands before the layers
  CHECK(l >= 0 && first < final_norm_);
  const auto at = [&](size_t index) { return slice(block, tensors_[first + index]); };
  BasicLayerView<T> view;
  view.attention_norm = at(0);
  view.wq = at(1);
  view.wk = at(2);
  view.wv = at(3);
  view.wo = at(4);
  view.ffn_norm = at(5);
  view.w1 = at(6);
  view.w3 = at(7);
  view.w2 = at(8);
  if (tensors_per_layer_ > 9) {
    view.q_norm = at(9);
    view.k_norm = at(10);
  }
  return view;
}

LayerView Parameters::layer(int64_t l) { return layer_view(all(), l); }
ConstLayerView Parameters::layer(int64_t l) const { return layer_view(all(), l); }

}  // namespace anemone::model
