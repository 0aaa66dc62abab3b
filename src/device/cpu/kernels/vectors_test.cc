// The vector kernels of the `cpu` device on each instruction set, at awkward sizes and places, against their
// definitions in double.
#include <gtest/gtest.h>

#include <cmath>
#include <functional>
#include <limits>
#include <numbers>

#include "base/random.h"
#include "base/targets_testing.h"
#include "device/cpu/kernels/copy.h"
#include "device/cpu/kernels/elementwise.h"
#include "device/cpu/kernels/matvec.h"
#include "device/cpu/kernels/reduce.h"
#include "device/cpu/kernels/tile.h"
#include "device/cpu/kernels/words.h"

namespace anemone::cpu {
namespace {

using ElementwiseKernels = OnEachTarget;
using TileKernels = OnEachTarget;
using ReduceKernels = OnEachTarget;
using MovementKernels = OnEachTarget;
using ProductKernels = OnEachTarget;
INSTANTIATE_ON_EACH_TARGET(ElementwiseKernels);
INSTANTIATE_ON_EACH_TARGET(TileKernels);
INSTANTIATE_ON_EACH_TARGET(ReduceKernels);
INSTANTIATE_ON_EACH_TARGET(MovementKernels);
INSTANTIATE_ON_EACH_TARGET(ProductKernels);

constexpr float kInf = std::numeric_limits<float>::infinity(), kNan = std::numeric_limits<float>::quiet_NaN();

std::vector<float> values(size_t count, uint64_t seed, float scale) {
  Random random(seed);
  std::vector<float> x(count);
  for (float& value : x) value = scale * static_cast<float>(2 * random.next() - 1);
  return x;
}

// The same with infinities, zeros, NaNs and numbers of every magnitude among them.
std::vector<float> wild_values(size_t count, uint64_t seed) {
  const float odd[] = {0, -0.0f, 1, -1, 0.5f, 2.5f, -3.5f, kInf, -kInf, kNan, 1e-38f, -3e38f, 88.5f, -103.9f, 104.5f};
  std::vector<float> x = values(count, seed, 5);
  for (size_t i = 0; i < count; i += 1 + seed % 3) {
    if (i % 2 == 0) x[i] = odd[(i / 2 + seed) % std::size(odd)];
  }
  return x;
}

double sigmoid(double x) { return 1 / (1 + std::exp(-x)); }
double greater(double a, double b) { return std::isnan(a) || std::isnan(b) ? kNan : std::max(a, b); }
double smaller(double a, double b) { return std::isnan(a) || std::isnan(b) ? kNan : std::min(a, b); }

// The bias of log, rsqrt and inverse, and the bound of at_least and at_most.
constexpr float kImmediate = 0.25f;

using Definition = std::function<double(double a, double b, double c)>;
struct Case {
  ElementOp op;
  Definition definition;
  double tolerance = 0;  // of the result; with an error of 0: rounded correctly
  double error = 0;      // beside it
};

constexpr double kUlp = 0x1p-23;

const Case kUnary[] = {
    {ElementOp::copy, [](double a, double, double) { return a; }},
    {ElementOp::abs, [](double a, double, double) { return std::fabs(a); }},
    {ElementOp::square, [](double a, double, double) { return a * a; }},
    {ElementOp::exp, [](double a, double, double) { return std::exp(a); }, kUlp},
    {ElementOp::sqrt, [](double a, double, double) { return std::sqrt(a); }},
    {ElementOp::tanh, [](double a, double, double) { return std::tanh(a); }, 4 * kUlp},
    {ElementOp::log, [](double a, double, double) { return std::log(double(float(a + kImmediate))); }, 4 * kUlp},
    {ElementOp::rsqrt, [](double a, double, double) { return 1 / std::sqrt(double(float(a + kImmediate))); }, 2 * kUlp},
    {ElementOp::inverse, [](double a, double, double) { return 1 / double(float(a + kImmediate)); }},
    {ElementOp::floor, [](double a, double, double) { return std::floor(a); }},
    {ElementOp::ceil, [](double a, double, double) { return std::ceil(a); }},
    {ElementOp::round, [](double a, double, double) { return std::nearbyint(a); }},
    {ElementOp::relu, [](double a, double, double) { return greater(a, 0); }},
    {ElementOp::sigmoid, [](double a, double, double) { return sigmoid(a); }, 4 * kUlp},
    {ElementOp::at_least, [](double a, double, double) { return greater(a, kImmediate); }},
    {ElementOp::at_most, [](double a, double, double) { return smaller(a, kImmediate); }},
    {ElementOp::truth, [](double a, double, double) { return a != 0 ? 1 : 0; }},
    {ElementOp::is_zero, [](double a, double, double) { return a == 0 ? 1 : 0; }},
};

const Case kBinary[] = {
    {ElementOp::add, [](double a, double b, double) { return a + b; }},
    {ElementOp::sub, [](double a, double b, double) { return a - b; }},
    {ElementOp::mul, [](double a, double b, double) { return a * b; }},
    {ElementOp::div, [](double a, double b, double) { return a / b; }},
    {ElementOp::maximum, [](double a, double b, double) { return greater(a, b); }},
    {ElementOp::minimum, [](double a, double b, double) { return smaller(a, b); }},
    {ElementOp::equal, [](double a, double b, double) { return a == b ? 1 : 0; }},
    {ElementOp::not_equal, [](double a, double b, double) { return a != b ? 1 : 0; }},
    {ElementOp::less, [](double a, double b, double) { return a < b ? 1 : 0; }},
    {ElementOp::less_equal, [](double a, double b, double) { return a <= b ? 1 : 0; }},
    {ElementOp::select, [](double a, double b, double c) { return a != 0 ? b : c; }},
};

// Of numbers of moderate size. gelu_tanh's sum cancels: its error is one of the terms, a of 6.
const Case kTame[] = {
    {ElementOp::sign, [](double a, double, double) { return (a > 0) - (a < 0); }},
    {ElementOp::silu, [](double a, double, double) { return a * sigmoid(a); }, 4 * kUlp},
    {ElementOp::gelu_sigmoid, [](double a, double, double) { return a * sigmoid(1.702 * a); }, 16 * kUlp},
    {ElementOp::gelu_tanh,
     [](double a, double, double) {
       return a / 2 * (1 + std::tanh(std::sqrt(2 / std::numbers::pi) * (a + 0.044715 * a * a * a)));
     },
     0, 6 * kUlp},
    {ElementOp::exp2, [](double a, double, double) { return std::exp2(a); }},
    {ElementOp::sin, [](double a, double, double) { return std::sin(a); }},
    {ElementOp::erf, [](double a, double, double) { return std::erf(a); }},
    {ElementOp::floor_div, [](double a, double b, double) { return std::floor(a / b); }},
};

void expect_element(float got, double want, double tolerance, double error = 0) {
  const auto rounded = static_cast<float>(want);
  if (std::isnan(rounded)) {
    EXPECT_TRUE(std::isnan(got)) << got;
  } else if ((tolerance == 0 && error == 0) || std::isinf(rounded)) {
    EXPECT_EQ(got, rounded);
  } else {
    EXPECT_NEAR(got, want, tolerance * std::fabs(want) + error + 2e-38);  // results below the normal range may become 0
  }
}

std::vector<float> a_of(size_t count, bool wild) { return wild ? wild_values(count, 1) : values(count, 1, 6); }
std::vector<float> b_of(size_t count, bool wild) { return wild ? wild_values(count, 2) : values(count, 2, 6); }

void expect_case(const Case& c, size_t count, size_t offset, bool wild) {
  SCOPED_TRACE(testing::Message() << "op " << static_cast<int>(c.op));
  std::vector<float> x = a_of(count, wild), y = b_of(count, wild), z = values(count, 3, 1);
  if (c.op == ElementOp::select) {
    for (size_t i = 0; i < count; ++i) x[i] = i * 7 % 3 == 0 ? x[i] : 0;  // any number is true
  }
  Guarded<float> a(x, offset), b(y, offset + 1), other(z, offset), out(count, offset);
  apply(c.op, {.a = a.data(), .b = b.data(), .c = other.data(), .immediate = kImmediate}, out.data(), count);
  out.expect_intact();
  for (size_t i = 0; i < count && !testing::Test::HasFailure(); ++i) {
    SCOPED_TRACE(testing::Message() << "at " << i << ": " << x[i] << ", " << y[i]);
    expect_element(out[i], c.definition(x[i], y[i], z[i]), c.tolerance, c.error);
  }
}

TEST_P(ElementwiseKernels, FollowTheirDefinitions) {
  for_each_place([](size_t count, size_t offset) {
    if (count > 1021) return;  // they run on the calling thread
    for (const Case& c : kUnary) expect_case(c, count, offset, true);
    for (const Case& c : kBinary) expect_case(c, count, offset, true);
    for (const Case& c : kTame) expect_case(c, count, offset, false);
  });
}

TEST_P(ElementwiseKernels, MayWriteOverAnOperand) {
  for_each_place([](size_t count, size_t offset) {
    const std::vector<float> x = values(count, 1, 3), y = values(count, 2, 3);
    Guarded<float> a(x, offset), b(y, offset);
    apply(ElementOp::mul, {.a = a.data(), .b = b.data()}, b.data(), count);
    apply(ElementOp::exp, {.a = a.data()}, a.data(), count);
    a.expect_intact();
    b.expect_intact();
    for (size_t i = 0; i < count; ++i) {
      expect_element(a[i], std::exp(double{x[i]}), kUlp);
      expect_element(b[i], double{x[i]} * y[i], 0);
    }
  });
}

// One dimension of `count` elements for each of `operands`, contiguous.
Loops line(size_t count, size_t operands) {
  return {{static_cast<int64_t>(count)}, std::vector<std::vector<int64_t>>(operands, {1})};
}

// out = exp(x·w) + x, the same as bfloat16, and x·w rounded to a half.
TEST_P(TileKernels, ChainOpsAndStoreTwice) {
  for_each_place([](size_t count, size_t offset) {
    if (count == 0) return;
    const std::vector<float> x = values(count, 1, 2), w = values(count, 2, 2);
    Guarded<float> a(x, offset), b(w, offset), out(count, offset), product(count, offset + 1);
    Guarded<BFloat16> narrow(count, offset);
    TileProgram p;
    p.loops = line(count, 5);
    p.loads = 2;
    p.instructions = {{.op = ElementOp::mul, .a = 0, .b = 1, .rounding = Rounding::half},
                      {.op = ElementOp::exp, .a = 2},
                      {.op = ElementOp::add, .a = 3, .b = 0}};
    p.stored = {{4}, {2}, {4, true}};
    std::byte* const operands[] = {reinterpret_cast<std::byte*>(a.data()), reinterpret_cast<std::byte*>(b.data()),
                                   reinterpret_cast<std::byte*>(out.data()),
                                   reinterpret_cast<std::byte*>(product.data()),
                                   reinterpret_cast<std::byte*>(narrow.data())};
    run_tiles(p, operands);
    narrow.expect_intact();
    out.expect_intact();
    product.expect_intact();
    for (size_t i = 0; i < count; ++i) {
      const float half = Half::from(x[i] * w[i]).value();
      EXPECT_EQ(product[i], half);
      EXPECT_EQ(narrow[i].bits, BFloat16::from(out[i]).bits);
      expect_close(out[i], std::exp(double{half}) + x[i], 2 * kUlp);
    }
  });
}

double fold(ReduceOp op, double a, double b) {
  if (op == ReduceOp::product) return a * b;
  if (op == ReduceOp::maximum) return greater(a, b);
  if (op == ReduceOp::minimum) return smaller(a, b);
  return a + b;
}

double start_of(ReduceOp op) {
  if (op == ReduceOp::product) return 1;
  if (op == ReduceOp::maximum) return -kInf;
  return op == ReduceOp::minimum ? kInf : 0;
}

constexpr ReduceOp kReductions[] = {ReduceOp::sum, ReduceOp::mean, ReduceOp::product, ReduceOp::maximum,
                                    ReduceOp::minimum};

// [rows, columns] reduced along its rows or along its columns.
void expect_reduced(ReduceOp op, int64_t rows, int64_t columns, size_t offset, bool along_rows) {
  std::vector<float> x = values(static_cast<size_t>(rows * columns), 5, 1.5f);
  if (op == ReduceOp::maximum) x[x.size() / 2] = kNan;  // wins
  const int64_t kept = along_rows ? rows : columns, terms = along_rows ? columns : rows;
  const int64_t kept_stride = along_rows ? columns : 1, stride = along_rows ? 1 : columns;
  Guarded<float> from(x, offset), out(static_cast<size_t>(kept), offset);
  reduce({op, Loops{{kept}, {{kept_stride}, {1}}}, Loops{{terms}, {{stride}}}, along_rows}, from.data(), out.data());
  out.expect_intact();
  for (int64_t k = 0; k < kept; ++k) {
    double want = start_of(op);
    for (int64_t i = 0; i < terms; ++i) want = fold(op, want, x[static_cast<size_t>(k * kept_stride + i * stride)]);
    if (op == ReduceOp::mean) want /= static_cast<double>(terms);
    expect_close(out[static_cast<size_t>(k)], want, 1e-5);
  }
}

TEST_P(ReduceKernels, FoldRowsAndColumns) {
  for (ReduceOp op : kReductions) {
    for (size_t count : kAwkwardCounts) {
      if (count == 0 || count > 1021) continue;
      SCOPED_TRACE(testing::Message() << "op " << static_cast<int>(op) << ", " << count << " elements");
      const auto n = static_cast<int64_t>(count);
      expect_reduced(op, 3, n, 1, true);
      expect_reduced(op, n, 3, 1, true);
      expect_reduced(op, 3, n, 3, false);
      expect_reduced(op, n, 17, 3, false);
    }
  }
}

// e^(x − max) / Σ along one side of [rows, columns].
void expect_softmax(int64_t rows, int64_t columns, size_t offset, bool along_rows, float scale) {
  const std::vector<float> x = values(static_cast<size_t>(rows * columns), 7, scale);
  Guarded<float> from(x, offset), out(x.size(), offset + 1);
  const int64_t places = along_rows ? rows : columns, length = along_rows ? columns : rows;
  const int64_t place_stride = along_rows ? columns : 1, stride = along_rows ? 1 : columns;
  const Loops others{{places}, {{place_stride}, {place_stride}}};
  softmax({others, length, stride, stride, along_rows}, from.data(), out.data());
  out.expect_intact();
  for (int64_t p = 0; p < places; ++p) {
    const auto at = [&](int64_t i) { return static_cast<size_t>(p * place_stride + i * stride); };
    double largest = -kInf, total = 0;
    for (int64_t i = 0; i < length; ++i) largest = std::max<double>(largest, x[at(i)]);
    for (int64_t i = 0; i < length; ++i) total += std::exp(x[at(i)] - largest);
    for (int64_t i = 0; i < length; ++i) {
      EXPECT_NEAR(out[at(i)], std::exp(x[at(i)] - largest) / total, 1e-6) << p << ", " << i;
    }
  }
}

TEST_P(ReduceKernels, Softmax) {
  for (size_t count : kAwkwardCounts) {
    if (count == 0 || count > 1021) continue;
    SCOPED_TRACE(count);
    const auto n = static_cast<int64_t>(count);
    for (float scale : {3.0f, 300.0f}) {
      expect_softmax(5, n, 1, true, scale);
      expect_softmax(n, 5, 0, true, scale);
      expect_softmax(5, n, 3, false, scale);
      expect_softmax(n, 5, 1, false, scale);
    }
  }
}

TEST_P(ReduceKernels, ChooseAndCumulate) {
  for_each_place([](size_t count, size_t offset) {
    if (count == 0) return;
    const std::vector<float> x = values(count, 11, 1);
    const Loops one{{1}, {{0}, {0}}};
    Guarded<float> from(x, offset), place(1, offset), sums(count, offset);
    choose({one, static_cast<int64_t>(count)}, from.data(), place.data());
    EXPECT_EQ(integer(place[0]), std::ranges::max_element(x) - x.begin());
    cumulate({one, static_cast<int64_t>(count)}, from.data(), sums.data());
    place.expect_intact();
    sums.expect_intact();
    double total = 0;
    for (size_t i = 0; i < count; ++i) expect_close(sums[i], total += x[i], 1e-6);
  });
}

// [rows, columns] copied as it stands or turned, and every other element filled.
TEST_P(MovementKernels, CopyTurnAndFill) {
  for (int64_t rows : {1, 3, 16, 17, 65}) {
    for (int64_t columns : {1, 15, 16, 33, 257}) {
      SCOPED_TRACE(testing::Message() << rows << " x " << columns);
      const auto size = static_cast<size_t>(rows * columns);
      const std::vector<float> x = values(size, 13, 1);
      Guarded<float> from(x, 1), same(size, 3), turned(size, 1), striped(2 * size, 1);
      copy({{rows, columns}, {{columns, 1}, {columns, 1}}}, same.data(), from.data());
      copy({{columns, rows}, {{rows, 1}, {1, columns}}}, turned.data(), from.data());
      std::ranges::fill(striped.span(), 1.0f);
      fill({{rows * columns}, {{2}}}, striped.data(), 5);
      for (Guarded<float>* written : {&same, &turned, &striped}) written->expect_intact();
      for (size_t i = 0; i < size; ++i) {
        const auto row = static_cast<int64_t>(i) / columns, column = static_cast<int64_t>(i) % columns;
        EXPECT_EQ(same[i], x[i]);
        EXPECT_EQ(turned[static_cast<size_t>(column * rows + row)], x[i]);
        EXPECT_EQ(striped[2 * i], 5);
        EXPECT_EQ(striped[2 * i + 1], 1);
      }
    }
  }
}

// What a value becomes in the packed type and back, by the scalar conversions.
double through(mil::DType dtype, float value) {
  if (dtype == mil::DType::fp16) return Half::from(value).value();
  if (dtype == mil::DType::bf16) return BFloat16::from(value).value();
  return value;
}

TEST_P(MovementKernels, NarrowAndWiden) {
  for (mil::DType dtype : {mil::DType::fp16, mil::DType::bf16, mil::DType::fp32}) {
    for_each_place([dtype](size_t count, size_t offset) {
      if (count == 0) return;
      const std::vector<float> x = values(count, 17, 1000);
      const size_t bytes = dtype == mil::DType::fp32 ? 4 : 2;
      Guarded<float> from(x, offset), back(count, offset);
      Guarded<std::byte> packed(count * bytes, offset * bytes);
      narrow(line(count, 2), dtype, packed.data(), from.data());
      widen(line(count, 2), dtype, back.data(), packed.data());
      packed.expect_intact();
      back.expect_intact();
      for (size_t i = 0; i < count; ++i) EXPECT_EQ(back[i], through(dtype, x[i])) << "at " << i;
    });
  }
}

// Y = W·X with W in `dtype`, stored as it is or transposed.
void expect_product(const Matvec& product, size_t offset) {
  const int64_t lines = product.transposed ? product.inner : product.rows;
  const auto size = static_cast<size_t>(lines * product.stride);
  const std::vector<float> w = values(size, 19, 1),
                           x = values(static_cast<size_t>(product.inner * product.columns), 20, 1);
  const size_t bytes = product.dtype == mil::DType::fp32 ? 4 : 2;
  Guarded<std::byte> matrix(size * bytes, offset * bytes);
  narrow(line(size, 2), product.dtype, matrix.data(), w.data());
  Guarded<float> in(x, offset), out(static_cast<size_t>(product.rows * product.columns), offset);
  multiply(product, matrix.data(), in.data(), out.data());
  out.expect_intact();
  for (int64_t r = 0; r < product.rows; ++r) {
    for (int64_t c = 0; c < product.columns; ++c) {
      double want = 0;
      for (int64_t k = 0; k < product.inner; ++k) {
        const int64_t at = product.transposed ? k * product.stride + r : r * product.stride + k;
        want += through(product.dtype, w[static_cast<size_t>(at)]) * x[static_cast<size_t>(c * product.inner + k)];
      }
      const auto at = static_cast<size_t>(r * product.y_row + c * product.y_column);
      expect_close(out[at], want, 1e-5);
    }
  }
}

TEST_P(ProductKernels, MultiplyByFewColumns) {
  for (mil::DType dtype : {mil::DType::fp16, mil::DType::bf16, mil::DType::fp32}) {
    for (size_t inner : kAwkwardCounts) {
      if (inner == 0 || inner > 1021) continue;
      const auto k = static_cast<int64_t>(inner);
      for (int64_t columns : {1, 3}) {
        SCOPED_TRACE(testing::Message() << inner << " elements, " << columns << " columns");
        expect_product({dtype, false, 5, k, columns, k, k, columns, 1}, 1);
        expect_product({dtype, true, k, 5, columns, k, 5, 1, k}, 3);
      }
    }
  }
}

TEST_P(MovementKernels, Integers) {
  for_each_place([](size_t count, size_t offset) {
    Guarded<float> a(count, offset), b(count, offset + 1), sum(count, offset), less(count, offset);
    for (size_t i = 0; i < count; ++i) {
      a[i] = word(static_cast<int32_t>(i * 2654435761u));
      b[i] = word(static_cast<int32_t>(i * i * 40503u));
    }
    apply_integers(ElementOp::add, {.a = a.data(), .b = b.data()}, sum.data(), count);
    apply_integers(ElementOp::less, {.a = a.data(), .b = b.data()}, less.data(), count);
    sum.expect_intact();
    less.expect_intact();
    for (size_t i = 0; i < count; ++i) {
      const uint32_t wrapped = static_cast<uint32_t>(integer(a[i])) + static_cast<uint32_t>(integer(b[i]));
      EXPECT_EQ(static_cast<uint32_t>(integer(sum[i])), wrapped);
      EXPECT_EQ(less[i], integer(a[i]) < integer(b[i]) ? 1 : 0);
    }
  });
}

}  // namespace
}  // namespace anemone::cpu
