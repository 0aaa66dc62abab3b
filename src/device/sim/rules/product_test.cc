// Matrix products: against NumPy, and plain loops over the specification's accumulator.
#include "device/sim/arithmetic/accumulator.h"
#include "device/sim/program_testing.h"

namespace anemone::sim {
namespace {

using mil::Chip;
using mil::Shape;
using mil::Tensor;
using mil::Value;

// ‖c − a·b‖ / ‖a·b‖ of the finite elements.
double error(const Halves& a, const Halves& b, const Halves& c, size_t inner, size_t columns) {
  double difference = 0, size = 0;
  for (size_t i = 0; i < c.size(); ++i) {
    if (std::isinf(c[i].value())) continue;
    double exact = 0;
    for (size_t k = 0; k < inner; ++k)
      exact += decode(a[i / columns * inner + k]) * decode(b[k * columns + i % columns]);
    difference += std::pow(decode(c[i]) - exact, 2);
    size += exact * exact;
  }
  return std::sqrt(difference / size);
}

// Written by tests/golden/sim/make_products.py.
TEST(SimMatmul, EqualsNumPysAndItsErrorsNorm) {
  const nlohmann::json cases = golden("products.json");
  for (const nlohmann::json& golden : cases) {
    SCOPED_TRACE(golden.dump());
    const auto size = golden["size"].get<Shape>(), exponents = golden["exponents"].get<Shape>();
    const auto seeds = golden["seeds"].get<std::vector<uint64_t>>();
    const Halves a = drawn(seeds[0], size[0] * size[1], int(exponents[0])),
                 b = drawn(seeds[1], size[1] * size[2], int(exponents[1]));
    Draft d;
    const Value left = d.input("a", {size[0], size[1]}), right = d.input("b", {size[1], size[2]});
    d.builder.output("c", matmul(left, right));
    const Halves c =
        patterns_of(run(Chip::m4, d, {of_patterns({size[0], size[1]}, a), of_patterns({size[1], size[2]}, b)})[0]);
    const auto first = golden["results"].get<std::vector<uint16_t>>();
    for (size_t i = 0; i < first.size(); ++i) ASSERT_EQ(c[i].bits, first[i]) << i;
    EXPECT_EQ(checksum(c), golden["checksum"].get<std::string>());
    EXPECT_NEAR(error(a, b, c, size_t(size[1]), size_t(size[2])) / golden["error"].get<double>(), 1, 1e-9);
  }
}

// ---- Against plain loops

struct Matrices {
  Shape x, y;
  bool transpose_x = false, transpose_y = false;
};

// Element `i` of a matrix among those of a batch that repeats: [.., rows, columns].
Half at(const Halves& elements, const Shape& shape, const Shape& batch, int64_t b, int64_t row, int64_t column) {
  int64_t matrix = 0, stride = 1;
  for (size_t d = 0; d + 2 < shape.size(); ++d) {
    const size_t from = shape.size() - 3 - d, of = batch.size() - 1 - d;
    matrix += (shape[from] == 1 ? 0 : b % batch[of]) * stride;
    stride *= shape[from];
    b /= batch[of];
  }
  const int64_t columns = shape.back();
  return elements[size_t((matrix * shape[shape.size() - 2] + row) * columns + column)];
}

void expect_plain(const Matrices& m, const Shape& batch, int64_t rows, int64_t inner, int64_t columns, int exponent) {
  Random random(uint64_t(rows * 1000 + inner));
  const Halves x = near(random, mil::count(m.x), exponent), y = near(random, mil::count(m.y), 0);
  Draft d;
  const Value left = d.input("x", m.x), right = d.input("y", m.y);
  d.builder.output("z", matmul(left, right, m.transpose_x, m.transpose_y));
  const Halves z = patterns_of(run(Chip::m5, d, {of_patterns(m.x, x), of_patterns(m.y, y)})[0]);
  // A vector is a row on the left, a column on the right.
  const Shape xs = m.x.size() == 1 ? Shape{1, inner} : m.x, ys = m.y.size() == 1 ? Shape{inner, 1} : m.y;
  ASSERT_EQ(std::ssize(z), mil::count(batch) * rows * columns);
  for (int64_t i = 0; i < std::ssize(z); ++i) {
    const int64_t b = i / (rows * columns), row = i / columns % rows, column = i % columns;
    Accumulator sum;
    for (int64_t k = 0; k < inner; ++k) {
      sum.add(m.transpose_x ? at(x, xs, batch, b, k, row) : at(x, xs, batch, b, row, k),
              m.transpose_y ? at(y, ys, batch, b, column, k) : at(y, ys, batch, b, k, column));
    }
    ASSERT_EQ(z[size_t(i)].bits, sum.result().bits) << i;
  }
}

TEST(SimMatmul, IsThePlainSumWithTransposes) {
  expect_plain({{5, 70}, {70, 40}}, {}, 5, 70, 40, 0);
  expect_plain({{70, 5}, {70, 40}, true}, {}, 5, 70, 40, 0);
  expect_plain({{5, 70}, {40, 70}, false, true}, {}, 5, 70, 40, -9);
  expect_plain({{70, 5}, {40, 70}, true, true}, {}, 5, 70, 40, 9);
  expect_plain({{60, 33}, {33, 3}}, {}, 60, 33, 3, 11);  // tall results are computed turned, with overflows here
  expect_plain({{33, 60}, {3, 33}, true, true}, {}, 60, 33, 3, 0);
}

TEST(SimMatmul, RepeatsBatches) {
  expect_plain({{2, 3, 4, 5}, {2, 3, 5, 6}}, {2, 3}, 4, 5, 6, 0);
  expect_plain({{2, 3, 4, 5}, {5, 6}}, {2, 3}, 4, 5, 6, 0);
  expect_plain({{4, 5}, {2, 3, 5, 6}}, {2, 3}, 4, 5, 6, 0);
  expect_plain({{2, 1, 5, 4}, {3, 6, 5}, true, true}, {2, 3}, 4, 5, 6, 0);
}

TEST(SimMatmul, TakesVectors) {
  expect_plain({{7}, {7, 9}}, {}, 1, 7, 9, 0);
  expect_plain({{9, 7}, {7}}, {}, 9, 7, 1, 0);
  expect_plain({{7}, {7}}, {}, 1, 7, 1, 0);
  expect_plain({{7}, {2, 7, 9}}, {2}, 1, 7, 9, 0);
  expect_plain({{2, 9, 7}, {7}}, {2}, 9, 7, 1, 0);
}

TEST(SimLinear, BeginsWithTheBias) {
  Random random(9);
  const Halves x = near(random, 3 * 50, 8), w = near(random, 20 * 50, 4), b = near(random, 20, 13);
  Draft d;
  d.builder.output("y", d.builder.apply("linear", {{"x", d.input("x", {3, 50})},
                                                   {"weight", d.weight("w", of_patterns({20, 50}, w))},
                                                   {"bias", d.weight("b", of_patterns({20}, b))}}));
  const Halves y = patterns_of(run(Chip::m4, d, {of_patterns({3, 50}, x)})[0]);
  int infinite = 0;
  for (size_t i = 0; i < 60; ++i) {
    Accumulator sum(b[i % 20]);
    for (size_t k = 0; k < 50; ++k) sum.add(x[i / 20 * 50 + k], w[i % 20 * 50 + k]);
    ASSERT_EQ(y[i].bits, sum.result().bits) << i;
    infinite += sum.overflowed() ? 1 : 0;
  }
  EXPECT_GT(infinite, 5);
  EXPECT_LT(infinite, 55);
}

}  // namespace
}  // namespace anemone::sim
