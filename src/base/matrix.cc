#include "base/matrix.h"

#include <algorithm>
#include <span>

#include "base/parallel.h"

namespace anemone {
namespace {

constexpr int64_t kGrain = 1 << 14;  // elements worth a thread

// A tile reads one cache line of each of its rows and writes whole lines of halves.
constexpr int64_t kTileColumns = 16;
constexpr int64_t kTileRows = 64;

void store(const float* from, int64_t count, float* to) { std::copy_n(from, count, to); }
void store(const float* from, int64_t count, Half* to) { to_half({from, static_cast<size_t>(count)}, to); }
void store(const float* from, int64_t count, BFloat16* to) { to_bfloat16({from, static_cast<size_t>(count)}, to); }
void store(const Half* from, int64_t count, float* to) { to_float({from, static_cast<size_t>(count)}, to); }

// The tile at (row, column) of `from`, turned in a buffer that stays in the cache, then stored row by row.
template <class To>
void transpose_tile(const FloatMatrix& from, int64_t row, int64_t column, To* to, int64_t stride) {
  float turned[kTileColumns][kTileRows];
  const int64_t rows = std::min(kTileRows, from.rows - row);
  const int64_t columns = std::min(kTileColumns, from.columns - column);
  for (int64_t r = 0; r < rows; ++r) {
    const float* source = from.data + (row + r) * from.stride + column;
    for (int64_t c = 0; c < columns; ++c) turned[c][r] = source[c];
  }
  for (int64_t c = 0; c < columns; ++c) store(turned[c], rows, to + (column + c) * stride + row);
}

template <class To>
void transpose_tiles(const FloatMatrix& from, To* to, int64_t stride) {
  const int64_t bands = (from.columns + kTileColumns - 1) / kTileColumns;
  const int64_t grain = std::max<int64_t>(1, kGrain / std::max<int64_t>(1, from.rows * kTileColumns));
  parallel_for(bands, grain, [&](int64_t begin, int64_t end) {
    for (int64_t row = 0; row < from.rows; row += kTileRows) {
      for (int64_t band = begin; band < end; ++band) transpose_tile(from, row, band * kTileColumns, to, stride);
    }
  });
}

// A column whose elements stand together, into one whose elements do not.
template <class From, class To>
void spread(const From* from, int64_t count, To* to, int64_t stride) {
  To stored[kTileRows];
  for (int64_t begin = 0; begin < count; begin += kTileRows) {
    const int64_t end = std::min(begin + kTileRows, count);
    store(from + begin, end - begin, stored);
    for (int64_t i = begin; i < end; ++i) to[i * stride] = stored[i - begin];
  }
}

template <class From, class To>
void copy_rows(const MatrixView<From>& from, To* to, int64_t stride) {
  const bool column = from.columns == 1 && from.stride == 1;
  if (column && stride != 1) return spread(from.data, from.rows, to, stride);
  if (from.stride == from.columns && stride == from.columns) {  // rows without gaps are one piece
    return parallel_for(from.rows * from.columns, kGrain,
                        [&](int64_t begin, int64_t end) { store(from.data + begin, end - begin, to + begin); });
  }
  const int64_t grain = std::max<int64_t>(1, kGrain / std::max<int64_t>(1, from.columns));
  parallel_for(from.rows, grain, [&](int64_t begin, int64_t end) {
    for (int64_t r = begin; r < end; ++r) store(from.data + r * from.stride, from.columns, to + r * stride);
  });
}

}  // namespace

void transpose(const FloatMatrix& from, float* to, int64_t stride) { transpose_tiles(from, to, stride); }
void transpose(const FloatMatrix& from, Half* to, int64_t stride) { transpose_tiles(from, to, stride); }
void transpose(const FloatMatrix& from, BFloat16* to, int64_t stride) { transpose_tiles(from, to, stride); }

void copy(const FloatMatrix& from, float* to, int64_t stride) { copy_rows(from, to, stride); }
void copy(const FloatMatrix& from, Half* to, int64_t stride) { copy_rows(from, to, stride); }
void copy(const FloatMatrix& from, BFloat16* to, int64_t stride) { copy_rows(from, to, stride); }
void copy(const HalfMatrix& from, float* to, int64_t stride) { copy_rows(from, to, stride); }

}  // namespace anemone
