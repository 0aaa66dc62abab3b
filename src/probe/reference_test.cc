#include "probe/reference.h"

#include <gtest/gtest.h>

#include <cmath>

#include "mil/builder.h"
#include "mil/interpreter.h"
#include "probe/draw.h"
#include "probe/inquiry.h"

namespace anemone::probe {
namespace {

void expect_near(const Numbers& expected, const Numbers& actual, double tolerance = 1e-12) {
  EXPECT_LE(errors_of(expected, actual).largest, tolerance) << errors_of(expected, actual).where;
}

Numbers random_numbers(uint32_t seed, int64_t count) {
  Drand48 random(seed);
  return draw(random, count, 1.0);
}

// What the interpreter makes of a function of inputs in double precision.
Numbers interpreted(mil::Builder& b, const std::vector<Numbers>& inputs) {
  const mil::Function function = b.finish().value();
  std::vector<mil::Array> arrays;
  for (size_t i = 0; i < inputs.size(); ++i) arrays.push_back({function.value(function.inputs[i]).type, inputs[i]});
  return mil::Interpreter::create(function, {}, mil::Rounding::none).value().run(arrays)[0].data;
}

TEST(Reference, MultipliesMatrices) {
  expect_near({1 * 5 + 2 * 7, 1 * 6 + 2 * 8, 3 * 5 + 4 * 7, 3 * 6 + 4 * 8},
              linear({1, 2, 3, 4}, {5, 6, 7, 8}, 2, 2, 2));
}

// As many rows as are not taken four at once.
TEST(Reference, MultipliesEachRow) {
  constexpr int64_t M = 7, K = 5, S = 3;
  const Numbers W = random_numbers(1, M * K), x = random_numbers(2, K * S), y = linear(W, x, M, K, S);
  for (int64_t m = 0; m < M; ++m) {
    const Numbers row(W.begin() + m * K, W.begin() + (m + 1) * K);
    expect_near(linear(row, x, 1, K, S), {y.begin() + m * S, y.begin() + (m + 1) * S});
    double first = 0;
    for (int64_t k = 0; k < K; ++k) first += row[size_t(k)] * x[size_t(k * S)];
    EXPECT_NEAR(y[size_t(m * S)], first, 1e-12);
  }
}

TEST(Reference, TransposesEachMatrix) {
  EXPECT_EQ(transposed({1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12}, 2, 3),
            (Numbers{1, 4, 2, 5, 3, 6, 7, 10, 8, 11, 9, 12}));
}

TEST(Reference, Normalizes) {
  // Mean squares of the columns: (9 + 16)/2 and 2.
  expect_near({3 / std::sqrt(12.5), 1, 8 / std::sqrt(12.5), 2}, rmsnorm({3, std::sqrt(2), 4, std::sqrt(2)}, {1, 2}, 0),
              1e-12);
}

// d/dx of Σ dy∘rmsnorm(x) by central differences.
TEST(Reference, NormsGradientIsThatOfFiniteDifferences) {
  constexpr int64_t C = 6, S = 3;
  constexpr double kStep = 1e-5, kEps = 1e-5;
  const Numbers x = random_numbers(1, C * S), w = random_numbers(2, C), dy = random_numbers(3, C * S);
  const auto loss = [&](size_t at, double by) {
    Numbers moved = x;
    moved[at] += by;
    const Numbers y = rmsnorm(moved, w, kEps);
    double sum = 0;
    for (size_t i = 0; i < y.size(); ++i) sum += y[i] * dy[i];
    return sum;
  };
  Numbers expected;
  for (size_t i = 0; i < x.size(); ++i) expected.push_back((loss(i, kStep) - loss(i, -kStep)) / (2 * kStep));
  expect_near(expected, rmsnorm_backward(x, w, dy, kEps), 1e-8);
}

TEST(Reference, SoftmaxIsOverTheChannels) {
  const double e = std::exp(1);
  expect_near({1 / (1 + e), 0.5, e / (1 + e), 0.5}, softmax({100, 7, 101, 7}, 2));
}

TEST(Reference, SwigluIsTheInterpreters) {
  mil::Builder b;
  const mil::Value h1 = b.input("a", {mil::DType::fp32, {40}}), h3 = b.input("b", {mil::DType::fp32, {40}});
  b.output("y", h1 * sigmoid(h1) * h3);
  const Numbers x1 = random_numbers(1, 40), x3 = random_numbers(2, 40);
  expect_near(interpreted(b, {x1, x3}), swiglu(x1, x3));
}

TEST(Reference, AttentionIsTheInterpreters) {
  constexpr Heads kShape{.heads = 3, .S = 5, .h = 4};
  const mil::TensorType type{mil::DType::fp32, {1, kShape.heads, kShape.S, kShape.h}};
  const mil::TensorType mask{mil::DType::fp32, {1, 1, kShape.S, kShape.S}};
  Drand48 random(1);
  const std::vector<Numbers> qkv = draw_interleaved(random, type.count(), {3, 3, 3});
  for (const bool causal : {false, true}) {
    mil::Builder b;
    mil::Builder::Arguments arguments{
        {"query", b.input("q", type)}, {"key", b.input("k", type)}, {"value", b.input("v", type)}};
    if (causal) arguments.emplace_back("attn_mask", mil::Tensor::from_numbers(mask, causal_mask(kShape.S)));
    b.output("y", b.apply("scaled_dot_product_attention", arguments));
    expect_near(interpreted(b, qkv), attention(kShape, qkv[0], qkv[1], qkv[2], causal));
  }
}

// Of two positions the first sees itself alone.
TEST(Reference, CausalAttentionByHand) {
  const double late = std::exp(1 / std::sqrt(2)) / (1 + std::exp(1 / std::sqrt(2)));
  const Heads shape{.heads = 1, .S = 2, .h = 2};
  expect_near({10, 20, 10 * (1 - late) + 30 * late, 20 * (1 - late) + 40 * late},
              attention(shape, {5, 5, 1, 0}, {0, 1, 1, 0}, {10, 20, 30, 40}, /*causal=*/true));
}

}  // namespace
}  // namespace anemone::probe
