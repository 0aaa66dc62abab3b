#include "model/parameters.h"

#include <algorithm>
#include <functional>
#include <numeric>

#include "base/check.h"

namespace anemone::model {
namespace {

constexpr size_t kEmbeddings = 1;  // tensors before the first layer

size_t tensors_per_layer(const Config& config) { return config.qk_norm ? 11 : 9; }

}  // namespace

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
    : config_(config),
      tensors_(parameter_layout(config)),
      block_(static_cast<size_t>(tensors_.back().offset + tensors_.back().count())) {}

std::span<float> Parameters::tensor(const TensorInfo& info) {
  return all().subspan(static_cast<size_t>(info.offset), static_cast<size_t>(info.count()));
}

std::span<float> Parameters::at(size_t index) const {
  const TensorInfo& info = tensors_[index];
  return {block_.data() + info.offset, static_cast<size_t>(info.count())};
}

std::span<float> Parameters::named(std::string_view name) const {
  const auto found = std::ranges::find(tensors_, name, &TensorInfo::name);
  CHECK(found != tensors_.end());
  return at(static_cast<size_t>(found - tensors_.begin()));
}

std::span<float> Parameters::classifier() const { return config_.tied ? embedding() : named("output.weight"); }

LayerView Parameters::layer(int64_t l) const {
  const size_t first = kEmbeddings + static_cast<size_t>(l) * tensors_per_layer(config_);
  LayerView view;
  view.attention_norm = at(first);
  view.wq = at(first + 1);
  view.wk = at(first + 2);
  view.wv = at(first + 3);
  view.wo = at(first + 4);
  view.ffn_norm = at(first + 5);
  view.w1 = at(first + 6);
  view.w3 = at(first + 7);
  view.w2 = at(first + 8);
  if (config_.qk_norm) {
    view.q_norm = at(first + 9);
    view.k_norm = at(first + 10);
  }
  return view;
}

}  // namespace anemone::model
