#include "op_cases.h"

namespace anemone::conformance {
namespace {

using mil::concat;
using mil::Shape;
using mil::Tensor;
using mil::Value;

OpCase matmul_case(const std::string& what, const Shape& x, const Shape& y, bool tx, bool ty) {
  return {"matmul" + what, [=](Draft& d) {
            d.output("z", d.op("matmul", {{"x", d.input("x", x)},
                                          {"y", d.input("y", y)},
                                          {"transpose_x", Tensor::boolean(tx)},
                                          {"transpose_y", Tensor::boolean(ty)}}));
          }};
}

struct ConvShape {
  Shape x, weight;
  int64_t groups = 1;
  std::vector<int64_t> strides{}, dilations{}, pad{};
  std::string pad_type = "valid";
  bool bias = false, computed_weight = false;
};

OpCase conv_case(const std::string& what, const ConvShape& c) {
  return {"conv" + what, [c](Draft& d) {
            mil::Builder::Arguments arguments{
                {"x", d.input("x", c.x)},
                {"weight", c.computed_weight ? d.input("w", c.weight) : d.weight(c.weight)},
                {"pad_type", Tensor::text(c.pad_type)},
                {"groups", Tensor::integer(c.groups)}};
            if (!c.strides.empty()) arguments.emplace_back("strides", Tensor::ints(c.strides));
            if (!c.dilations.empty()) arguments.emplace_back("dilations", Tensor::ints(c.dilations));
            if (!c.pad.empty()) arguments.emplace_back("pad", Tensor::ints(c.pad));
            if (c.bias) arguments.emplace_back("bias", d.weight({c.weight[0]}));
            d.output("y", d.op("conv", arguments));
          }};
}

// y = Wᵀx, both side by side in the last axis of one input.
void write_dynamic_linear(Draft& d) {
  const Value in = d.input("in", {1, 13, 1, 7 + 9});
  const Value x = reshape(slice(in, 3, 0, 7), {1, 1, 13, 7}), w = reshape(slice(in, 3, 7, 9), {1, 1, 13, 9});
  d.output("y", reshape(transpose(matmul_tn(x, w), {0, 1, 3, 2}), {1, 9, 1, 7}));
  d.output("z", reshape(matmul_tn(w, x), {1, 9, 1, 7}));
}

// The same with rows 2 KiB apart, which a device may want to move first.
void write_aligned_dynamic_linear(Draft& d) {
  const Value in = reshape(d.input("in", {1, 200, 1, 512}), {1, 1, 200, 512});
  const Value x = slice(in, 3, 0, 128), w = slice(in, 3, 128, 384);
  d.output("y", transpose(matmul_tn(x, w), {0, 1, 3, 2}));
  d.output("z", matmul_tn(x, w));
}

// softmax(q kᵀ) v over heads, channel first, with its taps.
void write_attention(Draft& d) {
  const Value x = d.input("x", {1, 12, 1, 10});
  const auto heads = [&](Value v) { return transpose(reshape(v, {1, 3, 4, 10}), {0, 1, 3, 2}); };
  const Value q = conv(x, d.weight({12, 12, 1, 1}, 0.3)), k = conv(x, d.weight({12, 12, 1, 1}, 0.3)),
              v = conv(x, d.weight({12, 12, 1, 1}, 0.3));
  const Value p = softmax(matmul_nt(heads(q), heads(k)) * 0.5, -1);
  const Value a = reshape(transpose(matmul(p, heads(v)), {0, 1, 3, 2}), {1, 12, 1, 10});
  d.output("y", concat({conv(a, d.weight({12, 12, 1, 1})), q, k, v, a, x}, 1));
}

// Batches beside positions: [1, H·h, N, S] → [N, H, S, h].
void write_batched_heads(Draft& d) {
  const auto heads = [&](Value v) {
    return reshape(transpose(reshape(v, {1, 3, 4, 2, 5}), {3, 0, 1, 4, 2}), {2, 3, 5, 4});
  };
  const Value q = d.input("q", {1, 12, 2, 5}), k = d.input("k", {1, 12, 2, 5});
  const Value scores = matmul_nt(heads(q), heads(k));
  d.output("s", scores);
  d.output("o", matmul(scores, heads(k * 2.0)));
}

void write_gated_feed_forward(Draft& d) {
  const Value x = d.input("x", {1, 6, 1, 9});
  const Value h1 = conv(x, d.weight({11, 6, 1, 1})), h3 = conv(x, d.weight({11, 6, 1, 1}));
  const Value g = h1 * sigmoid(h1) * h3;
  d.output("y", concat({conv(g, d.weight({6, 11, 1, 1})), h1, h3, g, x}, 1));
}

// Operands that no leading dimension describes: steps of two along both axes.
void write_scattered_operands(Draft& d) {
  const Value x = d.input("x", {6, 10});
  const Value odd = reshape(slice(slice(reshape(x, {3, 2, 5, 2}), 1, 0, 1), 3, 1, 1), {3, 5});
  d.output("a", matmul_nt(odd, odd));
  d.output("b", concat({matmul_tn(odd, odd), matmul_tn(odd, odd * 2.0)}, 1));
  d.output("c", d.op("concat", {{"values", std::vector<Value>{matmul_tn(odd, odd), matmul_tn(odd, odd)}},
                                {"axis", Tensor::integer(1)},
                                {"interleave", Tensor::boolean(true)}}));
}

}  // namespace

std::vector<OpCase> product_cases() {
  std::vector<OpCase> cases{
      matmul_case("_nt", {2, 5, 7}, {2, 3, 7}, false, true),
      matmul_case("_tn", {2, 7, 5}, {2, 7, 3}, true, false),
      matmul_case("_broadcast_y", {2, 3, 4, 5}, {5, 6}, false, false),
      matmul_case("_broadcast_both", {2, 1, 4, 5}, {3, 5, 6}, false, false),
      matmul_case("_thin", {3, 1, 9}, {3, 9, 1}, false, false),
      matmul_case("_outer", {3, 9, 1}, {3, 1, 9}, false, false),
      matmul_case("_large", {67, 131}, {131, 259}, false, false),
      conv_case("_1x1", {.x = {1, 5, 1, 9}, .weight = {7, 5, 1, 1}}),
      conv_case("_1x1_images", {.x = {3, 5, 2, 9}, .weight = {7, 5, 1, 1}, .bias = true}),
      conv_case("_1x1_groups", {.x = {2, 6, 1, 9}, .weight = {4, 3, 1, 1}, .groups = 2}),
      conv_case("_1x1_strided", {.x = {1, 3, 5, 9}, .weight = {4, 3, 1, 1}, .strides = {2, 3}}),
      conv_case("_computed_weight", {.x = {1, 5, 1, 9}, .weight = {7, 5, 1, 1}, .computed_weight = true}),
      conv_case("_3x3_same", {.x = {2, 3, 7, 8}, .weight = {4, 3, 3, 3}, .pad_type = "same", .bias = true}),
      conv_case("_custom", {.x = {1, 2, 6, 9},
                            .weight = {3, 2, 3, 2},
                            .strides = {2, 1},
                            .dilations = {1, 3},
                            .pad = {2, 0, 1, 3},
                            .pad_type = "custom"}),
      conv_case("_depthwise", {.x = {2, 5, 6, 7}, .weight = {5, 1, 3, 3}, .groups = 5, .pad_type = "same"}),
      conv_case("_3d", {.x = {1, 2, 4, 5, 6}, .weight = {3, 2, 2, 3, 2}, .strides = {1, 2, 1}, .bias = true}),
      {"conv_of_views",
       [](Draft& d) {
         const Value x = d.input("x", {1, 9, 1, 14});
         d.output("a", conv(slice(x, 3, 3, 8), d.weight({4, 9, 1, 1})));
         d.output("b", conv(slice(x, 1, 2, 5), d.weight({4, 5, 1, 1})));
         d.output("c", conv(transpose(x, {0, 3, 2, 1}), d.weight({4, 14, 1, 1})));
         d.output("d", transpose(conv(x, d.weight({4, 9, 1, 1})), {0, 3, 2, 1}));
       }},
      {"windows_of_views",
       [](Draft& d) {
         const Value x = transpose(d.input("x", {2, 5, 6, 3}), {0, 3, 1, 2});
         d.output("y",
                  d.op("conv", {{"x", x}, {"weight", d.weight({4, 3, 3, 3})}, {"pad_type", Tensor::text("same")}}));
         const Value odd = slice(reshape(x, {2, 3, 5, 3, 2}), 4, 1, 1);
         d.output("z", conv(reshape(odd, {2, 3, 5, 3}), d.weight({4, 3, 1, 1})));
       }},
      {"dynamic_linear", write_dynamic_linear},
      {"aligned_dynamic_linear", write_aligned_dynamic_linear},
      {"attention", write_attention, false, 64},
      {"batched_heads", write_batched_heads, false, 32},
      {"gated_feed_forward", write_gated_feed_forward, false, 32},
      {"scattered_operands", write_scattered_operands},
  };
  return cases;
}

}  // namespace anemone::conformance
