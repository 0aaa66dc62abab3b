// Where the operands of each kernel stand in its surfaces, at the sizes of real models.
#include "model/kernel.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "model/kernel_testing.h"
#include "model/kernels.h"

namespace anemone::model {
namespace {

using enum Weight;
using enum WeightSource;
using testing::ElementsAre;

// Name, first row, rows, first column, columns.
using Place = std::tuple<std::string, int64_t, int64_t, int64_t, int64_t>;
using Rows = std::tuple<std::string, int64_t, int64_t>;

std::vector<Place> places(const std::vector<Slot>& slots) {
  std::vector<Place> places;
  for (const Slot& s : slots) places.emplace_back(s.name, s.row, s.rows, s.column, s.columns);
  return places;
}

std::vector<Place> weight_places(const Kernel& kernel) {
  std::vector<Slot> slots;
  for (const WeightPlace& place : kernel.weights) slots.push_back(place.slot);
  return places(slots);
}

// The channels of slots that take all columns.
std::vector<Rows> channels(const std::vector<Slot>& slots, const mil::TensorType& surface) {
  std::vector<Rows> rows;
  for (const Slot& s : slots) {
    EXPECT_EQ(s.column, 0) << s.name;
    EXPECT_EQ(s.columns, surface.shape[3]) << s.name;
    rows.emplace_back(s.name, s.row, s.rows);
  }
  return rows;
}
std::vector<Rows> inputs(const Kernel& kernel) { return channels(kernel.inputs, kernel.input); }
std::vector<Rows> outputs(const Kernel& kernel) { return channels(kernel.outputs, kernel.output); }

Geometry stories110m() {
  const Config config{.name = "stories110m",
                      .layers = 12,
                      .dim = 768,
                      .hidden = 2048,
                      .heads = 12,
                      .kv_heads = 12,
                      .head_dim = 64,
                      .vocab = 32000,
                      .seq = 256};
  return {config, 1, 256};
}

// Of Qwen3-0.6B's dimensions, without its q/k norms.
Geometry qwen_shaped() {
  const Config config{.name = "qwen",
                      .layers = 28,
                      .dim = 1024,
                      .hidden = 3072,
                      .heads = 16,
                      .kv_heads = 8,
                      .head_dim = 128,
                      .vocab = 151936,
                      .seq = 256};
  return {config, 1, 256};
}

// ---- Baked: activations stacked in channels, weights as constants.

TEST(KernelTest, BakedAttentionForward) {
  const Kernel k = attention_forward(stories110m()).value();
  EXPECT_EQ(k.input, (mil::TensorType{mil::DType::fp16, {1, 768, 1, 256}}));
  EXPECT_EQ(k.output, (mil::TensorType{mil::DType::fp16, {1, 4608, 1, 256}}));
  EXPECT_THAT(inputs(k), ElementsAre(Rows{"x", 0, 768}));
  EXPECT_THAT(outputs(k), ElementsAre(Rows{"o", 0, 768}, Rows{"q", 768, 768}, Rows{"k", 1536, 768},
                                      Rows{"v", 2304, 768}, Rows{"a", 3072, 768}, Rows{"xn", 3840, 768}));
}

TEST(KernelTest, BakedFeedForward) {
  const Kernel forward = ffn_forward(stories110m()).value();
  EXPECT_THAT(inputs(forward), ElementsAre(Rows{"x2", 0, 768}));
  EXPECT_THAT(outputs(forward), ElementsAre(Rows{"f", 0, 768}, Rows{"h1", 768, 2048}, Rows{"h3", 2816, 2048},
                                            Rows{"g", 4864, 2048}, Rows{"x2n", 6912, 768}));
  const Kernel backward = ffn_backward(stories110m()).value();
  EXPECT_THAT(inputs(backward), ElementsAre(Rows{"df", 0, 768}, Rows{"h1", 768, 2048}, Rows{"h3", 2816, 2048}));
  EXPECT_THAT(outputs(backward), ElementsAre(Rows{"dx", 0, 768}, Rows{"dh1", 768, 2048}, Rows{"dh3", 2816, 2048}));
}

TEST(KernelTest, BakedAttentionBackward) {
  const Kernel first = sdpa_backward1(stories110m(), baked).value();
  EXPECT_THAT(inputs(first),
              ElementsAre(Rows{"q", 0, 768}, Rows{"k", 768, 768}, Rows{"v", 1536, 768}, Rows{"dx2", 2304, 768}));
  EXPECT_THAT(outputs(first), ElementsAre(Rows{"dv", 0, 768}, Rows{"p", 768, 3072}, Rows{"dp", 3840, 3072}));
  const Kernel second = sdpa_backward2(stories110m(), baked).value();
  EXPECT_THAT(inputs(second),
              ElementsAre(Rows{"p", 0, 3072}, Rows{"dp", 3072, 3072}, Rows{"q", 6144, 768}, Rows{"k", 6912, 768}));
  EXPECT_THAT(outputs(second), ElementsAre(Rows{"dq", 0, 768}, Rows{"dk", 768, 768}));
  const Kernel third = qkv_backward(stories110m()).value();
  EXPECT_THAT(inputs(third), ElementsAre(Rows{"dq", 0, 768}, Rows{"dk", 768, 768}, Rows{"dv", 1536, 768}));
  EXPECT_THAT(outputs(third), ElementsAre(Rows{"dx", 0, 768}));
}

TEST(KernelTest, BakedWeights) {
  const Kernel k = sdpa_backward1(stories110m(), baked).value();
  ASSERT_EQ(k.weights.size(), 1U);
  EXPECT_EQ(k.weights[0].weight, wo);
  EXPECT_TRUE(k.weights[0].transpose);
  EXPECT_EQ(k.weights[0].blob.path, "@model_path/weights/wot.bin");
  const Kernel grouped = qkv_backward(qwen_shaped()).value();
  ASSERT_EQ(grouped.weights.size(), 3U);
  EXPECT_EQ(grouped.weights[1].type.shape, (mil::Shape{1024, 1024, 1, 1}));
  EXPECT_EQ(grouped.weights[0].type.shape, (mil::Shape{1024, 2048, 1, 1}));
  const Kernel norm = norm_backward(stories110m(), baked, ffn_norm).value();
  EXPECT_EQ(norm.weights[0].type.shape, (mil::Shape{1, 768, 1, 1}));
}

// Keys and values keep their own heads: Q = 2048 channels, K = 1024.
TEST(KernelTest, GroupedAttentionBackward) {
  const Kernel first = sdpa_backward1(qwen_shaped(), dynamic).value();
  EXPECT_THAT(inputs(first),
              ElementsAre(Rows{"q", 0, 2048}, Rows{"k", 2048, 1024}, Rows{"v", 3072, 1024}, Rows{"da", 4096, 2048}));
  EXPECT_THAT(outputs(first), ElementsAre(Rows{"dv", 0, 1024}, Rows{"p", 1024, 4096}, Rows{"dp", 5120, 4096}));
  const Kernel second = sdpa_backward2(qwen_shaped(), dynamic).value();
  EXPECT_THAT(inputs(second),
              ElementsAre(Rows{"p", 0, 4096}, Rows{"dp", 4096, 4096}, Rows{"q", 8192, 2048}, Rows{"k", 10240, 1024}));
  EXPECT_THAT(outputs(second), ElementsAre(Rows{"dq", 0, 2048}, Rows{"dk", 2048, 1024}));
}

// ---- Dynamic: activations and weights side by side in the columns.

TEST(KernelTest, DynamicSurfaces) {
  using Make = Result<Kernel> (*)(const Geometry&);
  struct Expected {
    Make make;
    int64_t channels, stories_width, qwen_channels, qwen_width;
    std::vector<std::pair<std::string, int64_t>> qwen_outputs;
  };
  const std::vector<Expected> all{
      {sdpa_forward, 768, 2560, 1024, 4352, {{"a", 2048}, {"q", 2048}, {"k", 1024}, {"v", 1024}, {"xn", 1024}}},
      {wo_forward, 768, 1024, 2048, 1280, {{"o", 1024}}},
      {ffn_fused, 768, 6656, 1024, 9728, {{"x_next", 1024}, {"h1", 3072}, {"h3", 3072}, {"g", 3072}}},
      {ffn_backward_w2, 768, 2304, 1024, 3328, {{"dg", 3072}}},
      {ffn_backward_w13, 2048, 2048, 3072, 2560, {{"dx", 1024}}},
      {wo_backward, 768, 1024, 1024, 2304, {{"da", 2048}}},
      {q_backward, 768, 1024, 2048, 1280, {{"dx", 1024}}},
      {kv_backward, 768, 2048, 1024, 2560, {{"dx", 1024}}},
  };
  for (const Expected& e : all) {
    const Kernel stories = e.make(stories110m()).value(), qwen = e.make(qwen_shaped()).value();
    EXPECT_EQ(stories.input.shape, (mil::Shape{1, e.channels, 1, e.stories_width})) << stories.name;
    EXPECT_EQ(qwen.input.shape, (mil::Shape{1, e.qwen_channels, 1, e.qwen_width})) << qwen.name;
    std::vector<std::pair<std::string, int64_t>> rows;
    for (const auto& [name, row, count] : outputs(qwen)) rows.emplace_back(name, count);
    EXPECT_EQ(rows, e.qwen_outputs) << qwen.name;
  }
}

TEST(KernelTest, DynamicSlots) {
  const Kernel sdpa = sdpa_forward(qwen_shaped()).value();
  EXPECT_THAT(places(sdpa.inputs), ElementsAre(Place{"xn", 0, 1024, 0, 256}));
  EXPECT_THAT(weight_places(sdpa), ElementsAre(Place{"wq", 0, 1024, 256, 2048}, Place{"wk", 0, 1024, 2304, 1024},
                                               Place{"wv", 0, 1024, 3328, 1024}));
  const Kernel ffn = ffn_fused(stories110m()).value();
  EXPECT_THAT(places(ffn.inputs), ElementsAre(Place{"x2n", 0, 768, 0, 256}, Place{"x2", 0, 768, 256, 256}));
  EXPECT_THAT(weight_places(ffn), ElementsAre(Place{"w1", 0, 768, 512, 2048}, Place{"w3", 0, 768, 2560, 2048},
                                              Place{"w2", 0, 768, 4608, 2048}));
  const Kernel kv = kv_backward(qwen_shaped()).value();
  EXPECT_THAT(places(kv.inputs), ElementsAre(Place{"dk", 0, 1024, 0, 256}, Place{"dv", 0, 1024, 256, 256}));
  EXPECT_THAT(weight_places(kv), ElementsAre(Place{"wkt", 0, 1024, 512, 1024}, Place{"wvt", 0, 1024, 1536, 1024}));
}

// The forward pass takes Wᵀ, but for W2, whose rows are the outputs; the backward pass takes W.
TEST(KernelTest, DynamicOrientations) {
  const auto transposes = [](const Kernel& kernel) {
    std::vector<bool> flags;
    for (const WeightPlace& place : kernel.weights) flags.push_back(place.transpose);
    return flags;
  };
  for (const Geometry& g : {stories110m(), qwen_shaped()}) {
    EXPECT_THAT(transposes(sdpa_forward(g).value()), ElementsAre(true, true, true));
    EXPECT_THAT(transposes(wo_forward(g).value()), ElementsAre(true));
    EXPECT_THAT(transposes(ffn_fused(g).value()), ElementsAre(true, true, false));
    EXPECT_THAT(transposes(ffn_backward_w2(g).value()), ElementsAre(false));
    EXPECT_THAT(transposes(ffn_backward_w13(g).value()), ElementsAre(false, false));
    EXPECT_THAT(transposes(wo_backward(g).value()), ElementsAre(false));
    EXPECT_THAT(transposes(q_backward(g).value()), ElementsAre(false));
    EXPECT_THAT(transposes(kv_backward(g).value()), ElementsAre(false, false));
  }
}

// A norm is one column of weights, after the matrices.
TEST(KernelTest, DynamicNorms) {
  Geometry g = qwen_shaped();
  g.config.qk_norm = true;
  const Kernel sdpa = sdpa_forward(g).value();
  EXPECT_EQ(sdpa.input.shape[3], 4354);
  EXPECT_EQ(weight_places(sdpa)[3], (Place{"q_norm", 0, 128, 4352, 1}));
  EXPECT_EQ(weight_places(sdpa)[4], (Place{"k_norm", 0, 128, 4353, 1}));
  const Kernel norm = norm_backward(g, dynamic, final_norm).value();
  EXPECT_THAT(places(norm.inputs), ElementsAre(Place{"dy", 0, 1024, 0, 256}, Place{"x", 0, 1024, 256, 256}));
  EXPECT_THAT(weight_places(norm), ElementsAre(Place{"final_norm", 0, 1024, 512, 1}));
}

// Of several sequences, one stands after the other in the columns; the weights after them all.
TEST(KernelTest, BatchesWidenTheSurface) {
  Geometry g = stories110m();
  g.batch = 4;
  EXPECT_EQ(sdpa_backward1(g, dynamic).value().output.shape, (mil::Shape{1, 768 + 2 * 3072, 1, 1024}));
  EXPECT_EQ(ffn_fused(g).value().input.shape, (mil::Shape{1, 768, 1, 2 * 1024 + 3 * 2048}));
}

TEST(KernelTest, Tables) {
  const Geometry g = kernel_cases()[0];
  const Kernel k = sdpa_forward(g).value();
  const mil::TensorType square{g.dtype, {1, 1, g.seq, g.seq}}, angles{g.dtype, {1, 1, g.seq, g.config.head_dim}};
  const mil::Tensor mask = k.tables.find(mil::weight_file("mask"), square).value();
  for (int64_t query = 0; query < g.seq; ++query) {
    for (int64_t key = 0; key < g.seq; ++key) {
      EXPECT_EQ(mask.number(query * g.seq + key), key <= query ? 0 : -65504);
    }
  }
  const mil::Tensor cos = k.tables.find(mil::weight_file("rope_cos"), angles).value();
  const mil::Tensor sin = k.tables.find(mil::weight_file("rope_sin"), angles).value();
  const int64_t place = 3 * g.config.head_dim + 2;  // position 3, pair 1: 3·100^(−2/8)
  for (const int64_t i : {place, place + 1}) {
    EXPECT_NEAR(cos.number(i), std::cos(3 / std::sqrt(std::sqrt(100.0))), 1e-7);
    EXPECT_NEAR(sin.number(i), std::sin(3 / std::sqrt(std::sqrt(100.0))), 1e-7);
  }
}

}  // namespace
}  // namespace anemone::model
