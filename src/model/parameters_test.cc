#include "model/parameters.h"

#include <gmock/gmock.h>

namespace anemone::model {
namespace {

static_assert(std::is_same_v<decltype(std::declval<Parameters&>().layer(0).wq), std::span<float>>);
static_assert(std::is_same_v<decltype(std::declval<const Parameters&>().layer(0).wq), std::span<const float>>);
static_assert(std::is_same_v<decltype(std::declval<const Parameters&>().classifier()), std::span<const float>>);

Config small() {
  return {.name = "small",
          .layers = 2,
          .dim = 6,
          .hidden = 10,
          .heads = 4,
          .kv_heads = 2,
          .head_dim = 2,
          .vocab = 7,
          .seq = 5,
          .qk_norm = true,
          .tied = false};
}

TEST(Parameters, StandInOrderWithoutGaps) {
  const std::vector<TensorInfo> layout = parameter_layout(small());
  ASSERT_EQ(layout.size(), 1 + 2 * 11 + 2);
  int64_t offset = 0;
  for (const TensorInfo& tensor : layout) {
    EXPECT_EQ(tensor.offset, offset) << tensor.name;
    offset += tensor.count();
  }
  EXPECT_EQ(offset, small().parameter_count());
  EXPECT_EQ(layout[0].name, "tok_embeddings.weight");
  EXPECT_EQ(layout[13].name, "layers.1.attention.wq.weight");
  EXPECT_EQ(layout[13].shape, (std::vector<int64_t>{8, 6}));
  EXPECT_EQ(layout[13].offset, 42 + (6 + 48 + 24 + 24 + 48 + 6 + 180 + 4) + 6);
  EXPECT_EQ(layout[20].name, "layers.1.feed_forward.w2.weight");
  EXPECT_EQ(layout[20].shape, (std::vector<int64_t>{6, 10}));
  EXPECT_EQ(layout[23].name, "norm.weight");
  EXPECT_EQ(layout[24].name, "output.weight");
}

TEST(Parameters, CountsOfEveryConfigurationAgreeWithTheirLayout) {
  for (const std::string& name : config_names()) {
    const Config config = *find_config(name);
    const std::vector<TensorInfo> layout = parameter_layout(config);
    EXPECT_EQ(layout.back().offset + layout.back().count(), config.parameter_count()) << name;
  }
}

// Each view is written through and found again under its tensor's name.
TEST(Parameters, ViewsAreTheNamedTensors) {
  Parameters weights(small());
  for (const TensorInfo& tensor : weights.tensors()) EXPECT_EQ(weights.tensor(tensor)[0], 0);
  const auto name_of = [&](std::span<float> view) {
    for (const TensorInfo& tensor : weights.tensors()) {
      const auto span = weights.tensor(tensor);
      if (span.data() == view.data() && span.size() == view.size()) return tensor.name;
    }
    return std::string();
  };
  const LayerView layer = weights.layer(1);
  EXPECT_EQ(name_of(weights.embedding()), "tok_embeddings.weight");
  EXPECT_EQ(name_of(layer.attention_norm), "layers.1.attention_norm.weight");
  EXPECT_EQ(name_of(layer.wq), "layers.1.attention.wq.weight");
  EXPECT_EQ(name_of(layer.wk), "layers.1.attention.wk.weight");
  EXPECT_EQ(name_of(layer.wv), "layers.1.attention.wv.weight");
  EXPECT_EQ(name_of(layer.wo), "layers.1.attention.wo.weight");
  EXPECT_EQ(name_of(layer.q_norm), "layers.1.attention.q_norm.weight");
  EXPECT_EQ(name_of(layer.k_norm), "layers.1.attention.k_norm.weight");
  EXPECT_EQ(name_of(layer.ffn_norm), "layers.1.ffn_norm.weight");
  EXPECT_EQ(name_of(layer.w1), "layers.1.feed_forward.w1.weight");
  EXPECT_EQ(name_of(layer.w2), "layers.1.feed_forward.w2.weight");
  EXPECT_EQ(name_of(layer.w3), "layers.1.feed_forward.w3.weight");
  EXPECT_EQ(name_of(weights.final_norm()), "norm.weight");
  EXPECT_EQ(name_of(weights.classifier()), "output.weight");
  EXPECT_EQ(std::as_const(weights).layer(1).w2.data(), layer.w2.data());
}

TEST(Parameters, TiedClassifierIsTheEmbeddingAndNormsOfQAndKAreEmpty) {
  Config config = small();
  config.tied = true;
  config.qk_norm = false;
  Parameters weights(config);
  EXPECT_EQ(weights.classifier().data(), weights.embedding().data());
  EXPECT_TRUE(weights.layer(1).q_norm.empty());
  EXPECT_EQ(weights.layer(1).w2.data() + weights.layer(1).w2.size(), weights.final_norm().data());
}

}  // namespace
}  // namespace anemone::model
