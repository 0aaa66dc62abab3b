#include "device/cpu/kernels/copy.h"

#include <algorithm>

#include "device/cpu/kernels/rows.h"

namespace anemone::cpu {
namespace {

constexpr int64_t kBlock = 16;  // floats: a cache line on either side of a transposition

// A rectangle of two dimensions, of which `to` is contiguous along the columns and `from` along the rows.
struct Rectangle {
  int64_t rows, columns;
  int64_t to_stride, from_stride;  // between rows of `to`, between columns of `from`
};

void transpose_block(const Rectangle& r, int64_t row, int64_t column, float* to, const float* from) {
  const int64_t row_end = std::min(row + kBlock, r.rows), column_end = std::min(column + kBlock, r.columns);
  for (int64_t i = row; i < row_end; ++i) {
    for (int64_t j = column; j < column_end; ++j) to[i * r.to_stride + j] = from[i + j * r.from_stride];
  }
}

void transpose(const Rectangle& r, float* to, const float* from) {
  for (int64_t row = 0; row < r.rows; row += kBlock) {
    for (int64_t column = 0; column < r.columns; column += kBlock) transpose_block(r, row, column, to, from);
  }
}

// The dimension along which `from` is contiguous while `to` is along the innermost; -1 where there is none.
int transposed_dimension(const Loops& loops) {
  if (loops.inner_stride(0) != 1 || loops.inner_stride(1) == 1) return -1;
  for (size_t d = 0; d + 1 < loops.sizes.size(); ++d) {
    if (loops.strides[1][d] == 1) return static_cast<int>(d);
  }
  return -1;
}

// Every dimension but the innermost and `d` is walked; those two are transposed at once.
void copy_transposed(const Loops& loops, size_t d, float* to, const float* from) {
  const int64_t rows = loops.sizes[d];
  const int64_t strip = std::min<int64_t>(rows, 4 * kBlock);
  const int64_t strips = (rows + strip - 1) / strip;
  const int64_t rest = loops.rows() / rows;
  int64_t below = 1;  // rows of the nest between two steps of d
  for (size_t i = d + 1; i + 1 < loops.sizes.size(); ++i) below *= loops.sizes[i];
  parallel_for(
      rest * strips, std::max<int64_t>(1, kRowGrain / (strip * loops.inner())), [&](int64_t begin, int64_t end) {
        for (int64_t i = begin; i < end; ++i) {
          const int64_t outer = i / strips, first = i % strips * strip;
          const int64_t row = outer / below * below * rows + outer % below;
          const Rectangle r{std::min(strip, rows - first), loops.inner(), loops.strides[0][d], loops.inner_stride(1)};
          transpose(r, to + loops.row(0, row) + first * r.to_stride, from + loops.row(1, row) + first);
        }
      });
}

}  // namespace

void copy(const Loops& loops, float* to, const float* from) {
  if (const int d = transposed_dimension(loops); d >= 0)
    return copy_transposed(loops, static_cast<size_t>(d), to, from);
  const int64_t to_stride = loops.inner_stride(0), from_stride = loops.inner_stride(1);
  for_each_row(loops, [&](int64_t at, int64_t source, int64_t count) {
    if (to_stride == 1 && from_stride == 1) return (void)std::copy_n(from + source, count, to + at);
    for (int64_t i = 0; i < count; ++i) to[at + i * to_stride] = from[source + i * from_stride];
  });
}

void fill(const Loops& loops, float* to, float value) {
  for (int64_t row = 0; row < loops.rows(); ++row) {
    float* first = to + loops.row(0, row);
    for (int64_t i = 0; i < loops.inner(); ++i) first[i * loops.inner_stride(0)] = value;
  }
}

}  // namespace anemone::cpu
