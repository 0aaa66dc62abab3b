#include "base/matrix.h"

#include <gtest/gtest.h>

#include <vector>

#include "base/buffer.h"
#include "base/random_floats.h"

namespace anemone {
namespace {

struct Shape {
  int64_t rows, columns;
};
constexpr Shape kShapes[] = {{1, 1}, {1, 70}, {70, 1}, {3, 5}, {16, 64}, {64, 16}, {65, 17}, {131, 259}};

// A value for what must not be touched.
constexpr float kSentinel = -77;

float as(float, float value) { return value; }
float as(Half, float value) { return Half::from(value).value(); }
float as(BFloat16, float value) { return BFloat16::from(value).value(); }
float value_of(float x) { return x; }
float value_of(Half x) { return x.value(); }
float value_of(BFloat16 x) { return x.value(); }
void set(float& x, float value) { x = value; }
void set(Half& x, float value) { x = Half::from(value); }
void set(BFloat16& x, float value) { x = BFloat16::from(value); }

// `turned` of a matrix with 3 unused columns, into columns [2, ...) of one 7 wider: what lies around stays.
template <class To, bool turned>
void expect_moved(const Shape& shape, Stores stores = Stores::cached) {
  const int64_t from_stride = shape.columns + 3;
  const std::vector<float> from = random_floats(shape.rows * from_stride, 5, 3);
  const int64_t rows = turned ? shape.columns : shape.rows;
  const int64_t columns = turned ? shape.rows : shape.columns;
  const int64_t stride = columns + 7;
  std::vector<To> to(static_cast<size_t>(rows * stride));
  for (To& x : to) set(x, kSentinel);
  const FloatMatrix matrix = {from.data(), shape.rows, shape.columns, from_stride};
  turned ? transpose(matrix, to.data() + 2, stride, stores) : copy(matrix, to.data() + 2, stride, stores);
  for (int64_t r = 0; r < rows; ++r) {
    for (int64_t c = 0; c < stride; ++c) {
      const bool inside = c >= 2 && c < columns + 2;
      const int64_t source = turned ? (c - 2) * from_stride + r : r * from_stride + c - 2;
      const float expected = inside ? as(To{}, from[static_cast<size_t>(source)]) : kSentinel;
      ASSERT_EQ(value_of(to[static_cast<size_t>(r * stride + c)]), expected) << r << ", " << c;
    }
  }
}

TEST(Staging, TransposesIntoColumnsOfAWiderMatrix) {
  for (const Shape& shape : kShapes) {
    expect_moved<float, true>(shape);
    expect_moved<Half, true>(shape);
    expect_moved<BFloat16, true>(shape);
  }
}

// Whole cache lines, which go past the caches, between what does not fill one.
template <class To, bool turned>
void expect_streamed(int64_t rows, int64_t columns) {
  const std::vector<float> from = random_floats(rows * columns, 5, 3);
  const int64_t height = turned ? columns : rows, width = turned ? rows : columns, stride = width + 64;
  Buffer<To> to(static_cast<size_t>(height * stride));
  const FloatMatrix matrix = {from.data(), rows, columns, columns};
  turned ? transpose(matrix, to.data() + 32, stride, Stores::streamed)
         : copy(matrix, to.data() + 32, stride, Stores::streamed);
  for (int64_t r = 0; r < height; ++r) {
    for (int64_t c = 0; c < stride; ++c) {
      const bool inside = c >= 32 && c < width + 32;
      const int64_t source = turned ? (c - 32) * columns + r : r * columns + c - 32;
      const float expected = inside ? as(To{}, from[static_cast<size_t>(source)]) : 0;
      ASSERT_EQ(value_of(to[static_cast<size_t>(r * stride + c)]), expected) << r << ", " << c;
    }
  }
}

TEST(Staging, StreamsWholeLines) {
  for (const Shape& shape : {Shape{32, 64}, Shape{128, 2080}, Shape{64, 17}, Shape{33, 96}}) {
    expect_streamed<float, true>(shape.rows, shape.columns);
    expect_streamed<float, false>(shape.rows, shape.columns);
    expect_streamed<Half, true>(shape.rows, shape.columns);
    expect_streamed<Half, false>(shape.rows, shape.columns);
    expect_streamed<BFloat16, true>(shape.rows, shape.columns);
    expect_streamed<BFloat16, false>(shape.rows, shape.columns);
    expect_moved<float, true>(shape, Stores::streamed);
    expect_moved<BFloat16, false>(shape, Stores::streamed);
  }
}

TEST(Staging, CopiesIntoColumnsOfAWiderMatrix) {
  for (const Shape& shape : kShapes) {
    expect_moved<float, false>(shape);
    expect_moved<Half, false>(shape);
    expect_moved<BFloat16, false>(shape);
  }
}

TEST(Staging, CopiesHalvesOutOfAWiderMatrix) {
  std::vector<Half> from(6 * 9);
  for (size_t i = 0; i < from.size(); ++i) from[i] = Half::from(0.1 * static_cast<double>(i));
  std::vector<float> to(6 * 5, kSentinel);
  copy(HalfMatrix{from.data() + 3, 6, 4, 9}, to.data(), 5);
  for (size_t r = 0; r < 6; ++r) {
    for (size_t c = 0; c < 4; ++c) EXPECT_EQ(to[r * 5 + c], from[r * 9 + 3 + c].value());
    EXPECT_EQ(to[r * 5 + 4], kSentinel);
  }
}

TEST(Staging, AnEmptyMatrixMovesNothing) {
  transpose({nullptr, 0, 0, 0}, static_cast<float*>(nullptr), 0);
  transpose({nullptr, 0, 5, 5}, static_cast<Half*>(nullptr), 0);
  copy(FloatMatrix{nullptr, 0, 3, 3}, static_cast<float*>(nullptr), 3);
}

}  // namespace
}  // namespace anemone
