// Against the accumulator of the specification, bit for bit, on each instruction set.
#include "device/sim/kernels/product.h"

#include <gtest/gtest.h>

#include <cmath>
#include <vector>

#include "base/random.h"
#include "base/targets_testing.h"
#include "device/sim/arithmetic/accumulator.h"

namespace anemone::sim {
namespace {

using Halves = std::vector<Half>;

Half any_half(Random& random) { return {uint16_t(random.below(65536))}; }

// Of a magnitude about 2^exponent, of either sign.
Half near(Random& random, int exponent) { return half_away(std::ldexp(random.normal(), exponent)); }

struct Case {
  int64_t rows, inner, columns;
  int a_exponent, b_exponent;  // of the magnitudes
};

// Sums of every kind: of terms that are dropped, halves of units, in vectors, too large for them, overflowing.
constexpr Case kCases[] = {{1, 1, 1, 0, 0},      {3, 5, 2, -8, -7},    {4, 64, 32, -5, 0},   {5, 65, 33, -10, -6},
                           {17, 130, 70, -3, 2}, {8, 31, 64, 4, 4},    {9, 200, 40, 6, 6},   {2, 1000, 5, 3, 3},
                           {6, 77, 96, -14, -2}, {7, 40, 31, -2, -15}, {13, 512, 65, 5, -9}, {4, 8, 128, 10, 5}};

Half expected(const Product& p, const Half* a, const Half* b, const Half* bias, int64_t row, int64_t column) {
  Accumulator sum = bias == nullptr ? Accumulator() : Accumulator(bias[row]);
  for (int64_t k = 0; k < p.inner; ++k) {
    sum.add(b[k * p.b.row + column * p.b.column], a[row * p.a.row + k * p.a.column]);
  }
  return sum.result();
}

void expect_equal(const Product& p, const Half* a, const Half* b, const Half* bias) {
  std::vector<float> scratch(p.scratch_floats());
  Guarded<Half> c(size_t(p.rows * p.columns), 1);
  multiply(p, a, b, bias, {.halves = c.data()}, scratch.data());
  c.expect_intact();
  for (int64_t row = 0; row < p.rows; ++row) {
    for (int64_t column = 0; column < p.columns; ++column) {
      ASSERT_EQ(c[size_t(row * p.c.row + column * p.c.column)].bits, expected(p, a, b, bias, row, column).bits)
          << "row " << row << ", column " << column;
    }
  }
}

Product packed(const Case& c) {
  return {.rows = c.rows,
          .inner = c.inner,
          .columns = c.columns,
          .a = {c.inner, 1},
          .b = {c.columns, 1},
          .c = {c.columns, 1}};
}

using ProductKernel = OnEachTarget;
INSTANTIATE_ON_EACH_TARGET(ProductKernel);

TEST_P(ProductKernel, IsTheAccumulatorsOnRandomMatrices) {
  Random random(1);
  for (const Case& c : kCases) {
    SCOPED_TRACE(testing::Message() << c.rows << "x" << c.inner << "x" << c.columns);
    Halves a(size_t(c.rows * c.inner)), b(size_t(c.inner * c.columns)), bias(size_t(c.rows));
    for (Half& h : a) h = near(random, c.a_exponent);
    for (Half& h : b) h = near(random, c.b_exponent);
    for (Half& h : bias) h = near(random, c.a_exponent + c.b_exponent);
    expect_equal(packed(c), a.data(), b.data(), bias.data());
    expect_equal(packed(c), a.data(), b.data(), nullptr);
  }
}

TEST_P(ProductKernel, IsTheAccumulatorsOnEveryPattern) {
  Random random(2);
  for (const Case& c : kCases) {
    Halves a(size_t(c.rows * c.inner)), b(size_t(c.inner * c.columns));
    for (Half& h : a) h = any_half(random);
    for (Half& h : b) h = any_half(random);
    expect_equal(packed(c), a.data(), b.data(), nullptr);
  }
}

// Every sum of exponents with mantissas at both ends and between, of both signs: where terms are dropped, where half a
// unit is rounded, where they are too large.
TEST_P(ProductKernel, IsTheAccumulatorsOnAllPairsOfExponents) {
  Halves all;
  for (int field = 0; field < 32; ++field) {
    for (int mantissa : {0, 1, 2, 341, 511, 512, 513, 1022, 1023}) {
      all.push_back({uint16_t(field << 10 | mantissa)});
      all.push_back({uint16_t(0x8000 | field << 10 | mantissa)});
    }
  }
  const auto count = std::ssize(all);
  expect_equal({.rows = count, .inner = 1, .columns = count, .a = {1, 1}, .b = {count, 1}, .c = {count, 1}}, all.data(),
               all.data(), nullptr);
  // Small ones alone, so that the sums of whole panels stay narrow.
  Halves small;
  for (Half h : all) {
    if (exponent(h) < 3) small.push_back(h);
  }
  const auto few = std::ssize(small);
  expect_equal({.rows = few, .inner = 1, .columns = few, .a = {1, 1}, .b = {few, 1}, .c = {few, 1}}, small.data(),
               small.data(), nullptr);
}

TEST_P(ProductKernel, TakesTransposesAndGaps) {
  Random random(3);
  const int64_t m = 7, k = 70, n = 37;
  Halves a(size_t(k * (m + 2))), b(size_t(n * (k + 3)));
  for (Half& h : a) h = near(random, -3);
  for (Half& h : b) h = near(random, 0);
  const Product p{.rows = m, .inner = k, .columns = n, .a = {1, m + 2}, .b = {1, k + 3}, .c = {1, m}};
  expect_equal(p, a.data(), b.data(), nullptr);
}

TEST_P(ProductKernel, SumsIntegersExactly) {
  Random random(4);
  const Case sizes{5, 300, 40, 0, 0};
  Product p = packed(sizes);
  p.terms = Terms::integers;
  Halves a(size_t(p.rows * p.inner)), b(size_t(p.inner * p.columns));
  for (Half& h : a) h = half_away(double(random.below(256)) - 128);
  for (Half& h : b) h = half_away(double(random.below(256)) - 128);
  std::vector<float> scratch(p.scratch_floats());
  std::vector<double> sums(size_t(p.rows * p.columns));
  multiply(p, a.data(), b.data(), nullptr, {.sums = sums.data()}, scratch.data());
  for (int64_t row = 0; row < p.rows; ++row) {
    for (int64_t column = 0; column < p.columns; ++column) {
      double sum = 0;
      for (int64_t i = 0; i < p.inner; ++i) {
        sum += decode(a[size_t(row * p.inner + i)]) * decode(b[size_t(i * p.columns + column)]);
      }
      ASSERT_EQ(sums[size_t(row * p.columns + column)], sum);
    }
  }
}

}  // namespace
}  // namespace anemone::sim
