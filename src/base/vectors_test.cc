// The vector kernels of this floor, on each instruction set, against their scalar definitions.
#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "base/half.h"
#include "base/matrix.h"
#include "base/random_floats.h"
#include "base/targets_testing.h"

namespace anemone {
namespace {

using Conversions = OnEachTarget;
using Matrices = OnEachTarget;
INSTANTIATE_ON_EACH_TARGET(Conversions);
INSTANTIATE_ON_EACH_TARGET(Matrices);

// Of every size that halves have, and ties, overflows, zeros and what is no number among them.
std::vector<float> values(size_t count) {
  const float odd[] = {0, -0.0f, 1 + 0x1p-11f, 1 + 0x1p-8f, 65519, 65520, -1e9f, 0x1p-25f, 0x1.8p-24f, INFINITY, NAN};
  Random random(count);
  std::vector<float> x(count);
  for (float& value : x) {
    value = static_cast<float>(std::ldexp(2 * random.next() - 1, static_cast<int>(random.below(60)) - 35));
    if (random.below(4) == 0) value = odd[random.below(std::size(odd))];
  }
  return x;
}

// The values that the bits stand for; all NaNs are alike.
double number(Half x) { return x.value(); }
double number(BFloat16 x) { return x.value(); }
double number(float x) { return x; }

template <class T, class U>
void expect_same(std::span<T> got, const U& want) {
  for (size_t i = 0; i < got.size(); ++i) {
    const double value = number(want(i));
    if (std::isnan(value)) {
      ASSERT_TRUE(std::isnan(number(got[i]))) << "at " << i;
    } else {
      ASSERT_EQ(number(got[i]), value) << "at " << i;
    }
  }
}

TEST_P(Conversions, Narrow) {
  for_each_place([](size_t count, size_t offset) {
    const std::vector<float> x = values(count);
    Guarded<float> from(x, offset);
    Guarded<Half> half(count, offset);
    to_half(from.span(), half.data());
    half.expect_intact();
    expect_same(half.span(), [&](size_t i) { return Half::from(x[i]); });
    Guarded<BFloat16> bfloat16(count, offset);
    to_bfloat16(from.span(), bfloat16.data());
    bfloat16.expect_intact();
    expect_same(bfloat16.span(), [&](size_t i) { return BFloat16::from(x[i]); });
    expect_same(from.span(), [&](size_t i) { return x[i]; });
  });
}

TEST_P(Conversions, Widen) {
  for_each_place([](size_t count, size_t offset) {
    Guarded<Half> from(count, offset);
    for (size_t i = 0; i < count; ++i) from[i].bits = static_cast<uint16_t>(i * 40503);  // all kinds of bits
    Guarded<float> to(count, offset);
    to_float(from.span(), to.data());
    to.expect_intact();
    expect_same(to.span(), [&](size_t i) { return from[i].value(); });
  });
}

TEST_P(Conversions, RoundInPlace) {
  for_each_place([](size_t count, size_t offset) {
    const std::vector<float> x = values(count);
    Guarded<float> half(x, offset), bfloat16(x, offset);
    round_to_half(half.span());
    round_to_bfloat16(bfloat16.span());
    half.expect_intact();
    bfloat16.expect_intact();
    expect_same(half.span(), [&](size_t i) { return Half::from(x[i]); });
    expect_same(bfloat16.span(), [&](size_t i) { return BFloat16::from(x[i]); });
  });
}

float as(float value, float /*type*/) { return value; }
Half as(float value, Half /*type*/) { return Half::from(value); }
BFloat16 as(float value, BFloat16 /*type*/) { return BFloat16::from(value); }

// [rows, columns] with 3 elements between rows, turned or not, to rows 5 wider than they need: what lies between stays.
template <class To>
void expect_moved(int64_t rows, int64_t columns, size_t offset, bool turned) {
  const int64_t from_stride = columns + 3, stride = (turned ? rows : columns) + 5, lines = turned ? columns : rows;
  const std::vector<float> x = random_floats(rows * from_stride, 3, 100);
  Guarded<float> from(x, offset);
  Guarded<To> to(static_cast<size_t>(lines * stride - 5), offset);
  for (To& value : to.span()) value = as(-77, To());
  const FloatMatrix matrix{from.data(), rows, columns, from_stride};
  turned ? transpose(matrix, to.data(), stride) : copy(matrix, to.data(), stride);
  to.expect_intact();
  expect_same(to.span(), [&](size_t i) {
    const auto line = static_cast<int64_t>(i) / stride, at = static_cast<int64_t>(i) % stride;
    if (at >= stride - 5) return as(-77, To());
    const int64_t element = turned ? at * from_stride + line : line * from_stride + at;
    return as(x[static_cast<size_t>(element)], To());
  });
}

constexpr int64_t kSides[] = {1, 2, 15, 16, 17, 63, 65, 131};

TEST_P(Matrices, AreCopiedAndTurned) {
  for (int64_t rows : kSides) {
    for (int64_t columns : kSides) {
      SCOPED_TRACE(testing::Message() << rows << " x " << columns);
      for (bool turned : {false, true}) {
        expect_moved<float>(rows, columns, 1, turned);
        expect_moved<Half>(rows, columns, 3, turned);
        expect_moved<BFloat16>(rows, columns, 1, turned);
      }
    }
  }
}

TEST_P(Matrices, AreWidened) {
  for (int64_t columns : kSides) {
    Guarded<Half> from(static_cast<size_t>(7 * columns), 1);
    for (size_t i = 0; i < from.span().size(); ++i) from[i] = Half::from(static_cast<double>(i) / 8);
    Guarded<float> to(from.span().size(), 3);
    copy(HalfMatrix{from.data(), 7, columns, columns}, to.data(), columns);
    to.expect_intact();
    expect_same(to.span(), [&](size_t i) { return from[i]; });
  }
}

}  // namespace
}  // namespace anemone
