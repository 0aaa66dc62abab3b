// Reductions and what is composed of them: the documented order, against plain loops.
#include <gmock/gmock.h>

#include <numeric>

#include "device/sim/arithmetic/elementwise.h"
#include "device/sim/arithmetic/table_functions.h"
#include "device/sim/program_testing.h"

namespace anemone::sim {
namespace {

using mil::Chip;
using mil::DType;
using mil::Shape;
using mil::Tensor;
using mil::Value;

Value reduced(Draft& d, const std::string& op, Value x, const std::vector<int64_t>& axes, bool keep = true) {
  return d.builder.apply(op, {{"x", x}, {"axes", Tensor::ints(axes)}, {"keep_dims", Tensor::boolean(keep)}});
}

Halves reduce(const std::string& op, const Tensor& x, const std::vector<int64_t>& axes) {
  Draft d;
  d.builder.output("y", reduced(d, op, d.input("x", x.type().shape), axes));
  return patterns_of(run(Chip::m4, d, {x})[0]);
}

// As the choice reduction-order says: element i with element i + ⌈n/2⌉ until one is left.
Half tree(Halves x, Combination how = Combination::add) {
  while (x.size() > 1) {
    const size_t half = (x.size() + 1) / 2;
    for (size_t i = 0; i + half < x.size(); ++i) x[i] = combine(how, x[i], x[i + half]);
    x.resize(half);
  }
  return x[0];
}

// Those of x [outer, n, inner] along the middle, for each of the rest.
Halves trees(const Halves& x, size_t outer, size_t n, size_t inner, Combination how = Combination::add) {
  Halves results;
  for (size_t o = 0; o < outer; ++o) {
    for (size_t i = 0; i < inner; ++i) {
      Halves column;
      for (size_t k = 0; k < n; ++k) column.push_back(x[(o * n + k) * inner + i]);
      results.push_back(tree(column, how));
    }
  }
  return results;
}

TEST(SimReduction, SumsIntegersExactlyTo2048) {
  Random random(1);
  for (int64_t n : {2, 8, 63, 256}) {
    for (int round = 0; round < 20; ++round) {
      std::vector<double> x;
      for (int64_t i = 0; i < n; ++i) x.push_back(double(random.below(uint64_t(2048 / n))));
      EXPECT_EQ(reduce("reduce_sum", halves({1, n}, x), {1})[0].value(), std::accumulate(x.begin(), x.end(), 0.0));
    }
  }
  const std::vector<double> eight{2042, 1, 1, 1, 1, 1, 1, 1};  // 2049 in eight terms, which ANEForge saw become 2050
  EXPECT_EQ(reduce("reduce_sum", halves({1, 8}, eight), {1})[0].value(), 2050);
}

TEST(SimReduction, AddsInTheDocumentedOrder) {
  Random random(2);
  for (int64_t n : {1, 2, 3, 7, 64, 129, 1000}) {
    const Halves x = near(random, 3 * n * 5, 2);
    EXPECT_EQ(reduce("reduce_sum", of_patterns({3, n, 5}, x), {1}), trees(x, 3, size_t(n), 5)) << n;
    EXPECT_EQ(reduce("reduce_sum", of_patterns({5, 3, n}, x), {-1}), trees(x, 15, size_t(n), 1)) << n;
    EXPECT_EQ(reduce("reduce_max", of_patterns({3, n, 5}, x), {1}), trees(x, 3, size_t(n), 5, Combination::maximum));
    EXPECT_EQ(reduce("reduce_min", of_patterns({3, n, 5}, x), {1}), trees(x, 3, size_t(n), 5, Combination::minimum));
  }
}

// Neighbouring axes count as one; of others the elements are moved together first, in their order.
TEST(SimReduction, TakesSeveralAxes) {
  Random random(3);
  const Halves x = near(random, 2 * 3 * 4 * 5, 0);
  const Tensor tensor = of_patterns({2, 3, 4, 5}, x);
  EXPECT_EQ(reduce("reduce_sum", tensor, {1, 2}), trees(x, 2, 12, 5));
  EXPECT_EQ(reduce("reduce_sum", tensor, {0, 1, 2, 3}), trees(x, 1, 120, 1));
  Halves apart;  // [3, 4, 2·5]
  for (size_t row = 0; row < 12; ++row) {
    for (size_t image = 0; image < 2; ++image) {
      for (size_t i = 0; i < 5; ++i) apart.push_back(x[(image * 12 + row) * 5 + i]);
    }
  }
  EXPECT_EQ(reduce("reduce_sum", tensor, {0, 3}), trees(apart, 12, 10, 1));
}

TEST(SimReduction, MeansAreSumsTimesTheInverseAsAHalf) {
  Random random(4);
  const Halves x = near(random, 2 * 7 * 3, 3);
  Halves means;
  for (Half sum : trees(x, 2, 7, 3)) means.push_back(combine(Combination::mul, sum, half_away(1.0 / 7)));
  EXPECT_EQ(reduce("reduce_mean", of_patterns({2, 7, 3}, x), {1}), means);
}

TEST(SimReduction, OverflowsAsSumsOfHalvesDo) {
  EXPECT_EQ(reduce("reduce_sum", halves({1, 4}, {40000, -40000, 40000, -40000}), {1})[0].value(), 0);
  EXPECT_EQ(reduce("reduce_sum", halves({1, 2}, {40000, 40000}), {1})[0].value(), INFINITY);
}

// softmax subtracts the maximum, takes exp, sums as reduce_sum does and multiplies by the inverse's table.
TEST(SimSoftmax, FollowsItsSteps) {
  Random random(5);
  const Halves x = near(random, 3 * 37, 2);
  Draft d;
  d.builder.output("y", softmax(d.input("x", {3, 37}), -1));
  const Halves y = patterns_of(run(Chip::m4, d, {of_patterns({3, 37}, x)})[0]);
  for (size_t row = 0; row < 3; ++row) {
    Halves e(x.begin() + int64_t(row) * 37, x.begin() + int64_t(row + 1) * 37);
    const Half most = tree(e, Combination::maximum);
    for (Half& h : e) h = exp_of(combine(Combination::sub, h, most));
    const Half share = inverse_of(tree(e));
    for (size_t i = 0; i < 37; ++i) {
      ASSERT_EQ(y[row * 37 + i].bits, combine(Combination::mul, e[i], share).bits) << row << ", " << i;
    }
  }
}

TEST(SimSoftmax, SumsToNearlyOne) {
  Random random(6);
  for (int64_t n : {2, 64, 1024}) {
    Draft d;
    d.builder.output("y", softmax(d.input("x", {1, n}), -1));
    double sum = 0;
    for (Half half : patterns_of(run(Chip::m4, d, {of_patterns({1, n}, near(random, n, 1))})[0])) sum += half.value();
    EXPECT_NEAR(sum, 1, 0.01) << n;
  }
}

TEST(SimLayerNorm, IsNearTheExactOne) {
  Random random(7);
  const int64_t n = 96;
  const Halves x = near(random, 4 * n, 1);
  Draft d;
  d.builder.output("y", d.builder.apply("layer_norm", {{"x", d.input("x", {4, n})}, {"axes", Tensor::ints({-1})}}));
  const Halves y = patterns_of(run(Chip::m4, d, {of_patterns({4, n}, x)})[0]);
  for (size_t row = 0; row < 4; ++row) {
    double mean = 0, square = 0;
    for (size_t i = row * size_t(n); i < (row + 1) * size_t(n); ++i) mean += decode(x[i]) / double(n);
    for (size_t i = row * size_t(n); i < (row + 1) * size_t(n); ++i) square += std::pow(decode(x[i]) - mean, 2);
    const double deviation = std::sqrt(square / double(n) + 1e-5);
    for (size_t i = row * size_t(n); i < (row + 1) * size_t(n); ++i) {
      EXPECT_NEAR(decode(y[i]), (decode(x[i]) - mean) / deviation, 0.02);
    }
  }
}

}  // namespace
}  // namespace anemone::sim
