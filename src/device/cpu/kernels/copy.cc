#include "device/cpu/kernels/copy.h"

#include <algorithm>
#include <cstring>

#include "base/half.h"
#include "base/parallel.h"

namespace anemone::cpu {
namespace {

constexpr int64_t kGrain = 16384;  // elements a thread should have at least
constexpr int64_t kBlock = 16;     // floats: a cache line on either side of a transposition

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

// Calls visit(offset of to, offset of from, elements) for pieces of rows.
template <class Visit>
void for_each_row(const Loops& loops, const Visit& visit) {
  const int64_t piece = std::min(loops.inner(), kGrain);
  const int64_t pieces = (loops.inner() + piece - 1) / piece;
  parallel_for(loops.rows() * pieces, std::max<int64_t>(1, kGrain / piece), [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) {
      const int64_t row = i / pieces, column = i % pieces * piece;
      visit(loops.row(0, row) + column * loops.inner_stride(0), loops.row(1, row) + column * loops.inner_stride(1),
            std::min(piece, loops.inner() - column));
    }
  });
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
  parallel_for(rest * strips, std::max<int64_t>(1, kGrain / (strip * loops.inner())), [&](int64_t begin, int64_t end) {
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

void widen(const Loops& loops, mil::DType dtype, float* to, const uint16_t* from) {
  const auto* halves = reinterpret_cast<const Half*>(from);
  const int64_t to_stride = loops.inner_stride(0), from_stride = loops.inner_stride(1);
  const bool dense = to_stride == 1 && from_stride == 1;
  for_each_row(loops, [&](int64_t at, int64_t source, int64_t count) {
    if (dense && dtype == mil::DType::fp16) return to_float({halves + source, size_t(count)}, to + at);
    for (int64_t i = 0; i < count; ++i) {
      const uint16_t bits = from[source + i * from_stride];
      to[at + i * to_stride] = dtype == mil::DType::fp16 ? Half{bits}.value() : BFloat16{bits}.value();
    }
  });
}

void narrow(const Loops& loops, mil::DType dtype, uint16_t* to, const float* from) {
  auto* halves = reinterpret_cast<Half*>(to);
  const int64_t to_stride = loops.inner_stride(0), from_stride = loops.inner_stride(1);
  const bool dense = to_stride == 1 && from_stride == 1;
  for_each_row(loops, [&](int64_t at, int64_t source, int64_t count) {
    if (dense && dtype == mil::DType::fp16) return to_half({from + source, size_t(count)}, halves + at);
    for (int64_t i = 0; i < count; ++i) {
      const float value = from[source + i * from_stride];
      to[at + i * to_stride] = dtype == mil::DType::fp16 ? Half::from(value).bits : BFloat16::from(value).bits;
    }
  });
}

}  // namespace anemone::cpu
