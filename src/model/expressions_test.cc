// Each formula against loops over its definition, each backward against finite differences of its forward.
#include "model/expressions.h"

#include <gtest/gtest.h>

#include <functional>

#include "model/kernel_testing.h"

namespace anemone::model {
namespace {

using mil::Array;
using mil::concat;
using mil::reshape;
using mil::Shape;
using Formula = std::function<Value(const std::vector<Value>&)>;

constexpr double kTolerance = 1e-6;

Array random_array(const Shape& shape, uint64_t seed) {
  return {{mil::DType::fp32, shape}, random_matrix(1, mil::count(shape), seed, 2).data};
}

// Every element another number.
Array counted(const Shape& shape) {
  Array array = random_array(shape, 0);
  for (size_t i = 0; i < array.data.size(); ++i) array.data[i] = double(i);
  return array;
}

Array evaluate(const std::vector<Array>& inputs, const Formula& formula) {
  mil::Builder b;
  std::vector<Value> values;
  for (const Array& input : inputs) values.push_back(b.input(fmt::format("x{}", values.size()), input.type));
  b.output("y", formula(values));
  return mil::Interpreter::create(b.finish().value(), {}, mil::Rounding::none).value().run(inputs)[0];
}

Matrix row(const Array& array) { return {1, int64_t(array.data.size()), array.data}; }

double inner(const Array& x, const Array& y) { return inner_product(row(x), row(y)); }

double error(const Array& x, const Array& y) {
  EXPECT_EQ(x.type.shape, y.type.shape);
  return relative_error(row(x), row(y));
}

// The gradient of Σ dy∘f(inputs) by inputs[which], by central differences.
Array numeric_gradient(const Formula& f, std::vector<Array> inputs, size_t which, const Array& dy) {
  constexpr double kStep = 1e-5;
  Array gradient = inputs[which];
  for (size_t i = 0; i < gradient.data.size(); ++i) {
    double& x = inputs[which].data[i];
    const double at = x;
    x = at + kStep;
    const double up = inner(evaluate(inputs, f), dy);
    x = at - kStep;
    const double down = inner(evaluate(inputs, f), dy);
    x = at;
    gradient.data[i] = (up - down) / (2 * kStep);
  }
  return gradient;
}

Geometry geometry(int64_t heads, int64_t kv_heads, int64_t head_dim, int64_t batch, int64_t seq) {
  return {
      {.name = "heads", .heads = heads, .kv_heads = kv_heads, .head_dim = head_dim, .norm_eps = 1.0 / 64}, batch, seq};
}

TEST(ExpressionsTest, RmsnormDividesByTheRootMeanSquare) {
  const Array x = random_array({1, 5, 1, 3}, 1), w = random_array({1, 5, 1, 1}, 2);
  Array expected = x;
  for (size_t t = 0; t < 3; ++t) {
    double squares = 0;
    for (size_t i = 0; i < 5; ++i) squares += x.data[i * 3 + t] * x.data[i * 3 + t];
    for (size_t i = 0; i < 5; ++i) expected.data[i * 3 + t] *= w.data[i] / std::sqrt(squares / 5 + 0.25);
  }
  const auto formula = [](const std::vector<Value>& v) { return rmsnorm(v[0], v[1], 0.25, 1); };
  EXPECT_LT(error(evaluate({x, w}, formula), expected), kTolerance);
}

TEST(ExpressionsTest, RmsnormBackward) {
  for (const size_t axis : {size_t{1}, size_t{2}}) {
    Shape w_shape{1, 1, 1, 1};
    w_shape[axis] = 5;
    const Shape shape = axis == 1 ? Shape{1, 5, 1, 3} : Shape{1, 2, 5, 3};
    const Array x = random_array(shape, 1), w = random_array(w_shape, 2), dy = random_array(shape, 3);
    const auto forward = [&](const std::vector<Value>& v) { return rmsnorm(v[0], v[1], 0.25, axis); };
    const auto backward = [&](const std::vector<Value>& v) { return rmsnorm_backward(v[0], v[1], v[2], 0.25, axis); };
    EXPECT_LT(error(evaluate({x, w, dy}, backward), numeric_gradient(forward, {x, w}, 0, dy)), kTolerance) << axis;
  }
}

TEST(ExpressionsTest, HeadNormTakesEachHeadByItself) {
  const Geometry g = geometry(3, 3, 4, 2, 5);
  const Array x = random_array({1, 12, 1, 10}, 1), w = random_array({1, 1, 4, 1}, 2),
              dy = random_array({1, 12, 1, 10}, 3);
  const auto forward = [&](const std::vector<Value>& v) { return head_norm(v[0], v[1], g); };
  const auto by_slices = [&](const std::vector<Value>& v) {
    std::vector<Value> normed;
    Value column = reshape(v[1], {1, 4, 1, 1});
    for (int64_t j = 0; j < 3; ++j) normed.push_back(rmsnorm(slice(v[0], 1, j * 4, 4), column, g.config.norm_eps, 1));
    return concat(normed, 1);
  };
  EXPECT_LT(error(evaluate({x, w}, forward), evaluate({x, w}, by_slices)), 1e-12);
  const auto backward = [&](const std::vector<Value>& v) { return head_norm_backward(v[0], v[1], v[2], g); };
  EXPECT_LT(error(evaluate({x, w, dy}, backward), numeric_gradient(forward, {x, w}, 0, dy)), kTolerance);
}

TEST(ExpressionsTest, Swiglu) {
  const Array h1 = random_array({1, 5, 1, 3}, 1), h3 = random_array({1, 5, 1, 3}, 2),
              dg = random_array({1, 5, 1, 3}, 3);
  const auto forward = [](const std::vector<Value>& v) { return swiglu(v[0], v[1]); };
  Array expected = h1;
  for (size_t i = 0; i < h1.data.size(); ++i) expected.data[i] *= h3.data[i] / (1 + std::exp(-h1.data[i]));
  EXPECT_LT(error(evaluate({h1, h3}, forward), expected), kTolerance);
  const auto dh1 = [](const std::vector<Value>& v) { return swiglu_backward(v[0], v[1], v[2]).first; };
  const auto dh3 = [](const std::vector<Value>& v) { return swiglu_backward(v[0], v[1], v[2]).second; };
  EXPECT_LT(error(evaluate({h1, h3, dg}, dh1), numeric_gradient(forward, {h1, h3}, 0, dg)), kTolerance);
  EXPECT_LT(error(evaluate({h1, h3, dg}, dh3), numeric_gradient(forward, {h1, h3}, 1, dg)), kTolerance);
}

TEST(ExpressionsTest, HeadsAndFlat) {
  for (const int64_t batch : {1, 3}) {
    const Geometry g = geometry(2, 2, 4, batch, 5);
    const int64_t tokens = batch * 5;
    const Array x = counted({1, 8, 1, tokens});
    const Array split = evaluate({x}, [&](const std::vector<Value>& v) { return heads(v[0], g); });
    ASSERT_EQ(split.type.shape, (Shape{batch, 2, 5, 4}));
    size_t i = 0;
    for (int64_t n = 0; n < batch; ++n) {
      for (int64_t j = 0; j < 2; ++j) {
        for (int64_t s = 0; s < 5; ++s) {
          for (int64_t d = 0; d < 4; ++d) EXPECT_EQ(split.data[i++], double((j * 4 + d) * tokens + n * 5 + s));
        }
      }
    }
    EXPECT_EQ(error(evaluate({x}, [&](const std::vector<Value>& v) { return flat(heads(v[0], g), g); }), x), 0);
  }
}

TEST(ExpressionsTest, ScoresAsChannels) {
  for (const int64_t batch : {1, 3}) {
    const Geometry g = geometry(2, 1, 4, batch, 5);
    const Array p = counted({batch, 2, 5, 5});
    const Array channels = evaluate({p}, [&](const std::vector<Value>& v) { return scores_to_channels(v[0], g); });
    ASSERT_EQ(channels.type.shape, (Shape{1, 10, 1, batch * 5}));
    size_t i = 0;
    for (int64_t row = 0; row < 10; ++row) {
      for (int64_t n = 0; n < batch; ++n) {
        for (int64_t key = 0; key < 5; ++key) EXPECT_EQ(channels.data[i++], double((n * 10 + row) * 5 + key));
      }
    }
    const auto there_and_back = [&](const std::vector<Value>& v) {
      return channels_to_scores(scores_to_channels(v[0], g), g);
    };
    EXPECT_EQ(error(evaluate({p}, there_and_back), p), 0);
  }
}

// With cos 0 and sin 1 only the turn of the pairs is left: (a, b) → (−b, a), or back.
TEST(ExpressionsTest, RopeTurnsThePairsOfItsStyle) {
  const Array x = counted({1, 1, 1, 6});
  Array cos = x, sin = x;
  std::ranges::fill(cos.data, 0);
  std::ranges::fill(sin.data, 1);
  const auto turned = [&](Rope style, auto rotation) {
    const auto formula = [&](const std::vector<Value>& v) { return rotation(v[0], v[1], v[2], style); };
    return evaluate({x, cos, sin}, formula).data;
  };
  EXPECT_EQ(turned(Rope::interleaved, rope), (std::vector<double>{-1, 0, -3, 2, -5, 4}));
  EXPECT_EQ(turned(Rope::half, rope), (std::vector<double>{-3, -4, -5, 0, 1, 2}));
  EXPECT_EQ(turned(Rope::interleaved, rope_backward), (std::vector<double>{1, 0, 3, -2, 5, -4}));
  EXPECT_EQ(turned(Rope::half, rope_backward), (std::vector<double>{3, 4, 5, 0, -1, -2}));
}

// cos and sin equal within a pair, as rope requires: the first half of `head_dim` numbers doubled by the style.
Array pair_table(int64_t seq, int64_t head_dim, Rope style, uint64_t seed) {
  const Array half = random_array({1, 1, seq, head_dim / 2}, seed);
  const auto formula = [&](const std::vector<Value>& v) {
    if (style == Rope::half) return concat({v[0], v[0]}, 3);
    Value columns = reshape(v[0], {1, seq, head_dim / 2, 1});
    return reshape(concat({columns, columns}, 3), {1, 1, seq, head_dim});
  };
  return evaluate({half}, formula);
}

TEST(ExpressionsTest, RopeBackward) {
  for (const Rope style : {Rope::interleaved, Rope::half}) {
    const Array x = random_array({2, 3, 5, 6}, 1), dy = random_array({2, 3, 5, 6}, 2);
    const Array cos = pair_table(5, 6, style, 3), sin = pair_table(5, 6, style, 4);
    const auto forward = [&](const std::vector<Value>& v) { return rope(v[0], v[1], v[2], style); };
    const auto backward = [&](const std::vector<Value>& v) { return rope_backward(v[0], v[1], v[2], style); };
    const Array dx = numeric_gradient(forward, {x, cos, sin}, 0, dy);
    EXPECT_LT(error(evaluate({dy, cos, sin}, backward), dx), kTolerance);
  }
}

TEST(ExpressionsTest, HeadsRepeatByGroupsAndTheirGradientsAdd) {
  const Array x = counted({2, 3, 5, 4});
  const auto repeat = [](const std::vector<Value>& v) { return repeat_heads(v[0], 2); };
  const Array repeated = evaluate({x}, repeat);
  ASSERT_EQ(repeated.type.shape, (Shape{2, 6, 5, 4}));
  for (size_t n = 0; n < 2; ++n) {
    for (size_t j = 0; j < 6; ++j) {
      for (size_t i = 0; i < 20; ++i) {
        EXPECT_EQ(repeated.data[(n * 6 + j) * 20 + i], x.data[(n * 3 + j / 2) * 20 + i]);
      }
    }
  }
  const Array dy = random_array({2, 6, 5, 4}, 1);
  const Array dx = evaluate({dy}, [](const std::vector<Value>& v) { return sum_groups(v[0], 2); });
  EXPECT_LT(error(dx, numeric_gradient(repeat, {x}, 0, dy)), kTolerance);
}

TEST(ExpressionsTest, AttentionWeights) {
  const Array q = random_array({2, 3, 5, 4}, 1), k = random_array({2, 3, 5, 4}, 2),
              mask = random_array({1, 1, 5, 5}, 3);
  Array expected = random_array({2, 3, 5, 5}, 0);
  for (size_t query = 0; query < 30; ++query) {  // of all heads
    double total = 0;
    for (size_t key = 0; key < 5; ++key) {
      double score = 0;
      for (size_t d = 0; d < 4; ++d) score += q.data[query * 4 + d] * k.data[(query / 5 * 5 + key) * 4 + d];
      total += expected.data[query * 5 + key] = std::exp(score / 2 + mask.data[query % 5 * 5 + key]);
    }
    for (size_t key = 0; key < 5; ++key) expected.data[query * 5 + key] /= total;
  }
  const auto formula = [](const std::vector<Value>& v) { return attention_weights(v[0], v[1], v[2]); };
  EXPECT_LT(error(evaluate({q, k, mask}, formula), expected), kTolerance);
}

TEST(ExpressionsTest, SoftmaxBackward) {
  const Array s = random_array({2, 3, 5, 5}, 1), dp = random_array({2, 3, 5, 5}, 2);
  const auto forward = [](const std::vector<Value>& v) { return softmax(v[0], -1); };
  const auto backward = [](const std::vector<Value>& v) { return softmax_backward(v[0], v[1]); };
  const Array ds = evaluate({evaluate({s}, forward), dp}, backward);
  EXPECT_LT(error(ds, numeric_gradient(forward, {s}, 0, dp)), kTolerance);
}

}  // namespace
}  // namespace anemone::model
