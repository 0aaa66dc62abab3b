#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "base/matrix.cc"
#include <hwy/foreach_target.h>  // compiles this file once for each instruction set
//
#include <hwy/cache_control.h>
#include <hwy/highway.h>

#include <algorithm>
#include <cstddef>
#include <cstring>
#include <span>

#include "base/matrix.h"
#include "base/parallel.h"

HWY_BEFORE_NAMESPACE();
namespace anemone::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

#if HWY_TARGET != HWY_SCALAR
// Four rows of a vector's length become a column of four for each lane, at to + column·to_stride: 4×4 transpositions
// within each block of 128 bits.
template <class D>
HWY_INLINE void TurnFourRows(D d, const float* from, int64_t stride, float* to, int64_t to_stride) {
  const hn::RepartitionToWide<D> pairs;
  const auto r0 = hn::LoadU(d, from), r1 = hn::LoadU(d, from + stride);
  const auto r2 = hn::LoadU(d, from + 2 * stride), r3 = hn::LoadU(d, from + 3 * stride);
  const auto low01 = hn::BitCast(pairs, hn::InterleaveLower(d, r0, r1));
  const auto high01 = hn::BitCast(pairs, hn::InterleaveUpper(d, r0, r1));
  const auto low23 = hn::BitCast(pairs, hn::InterleaveLower(d, r2, r3));
  const auto high23 = hn::BitCast(pairs, hn::InterleaveUpper(d, r2, r3));
  const auto lanes = static_cast<int64_t>(hn::Lanes(d));
  HWY_ALIGN float columns[4 * hn::MaxLanes(D())];
  hn::Store(hn::BitCast(d, hn::InterleaveLower(pairs, low01, low23)), d, columns);
  hn::Store(hn::BitCast(d, hn::InterleaveUpper(pairs, low01, low23)), d, columns + lanes);
  hn::Store(hn::BitCast(d, hn::InterleaveLower(pairs, high01, high23)), d, columns + 2 * lanes);
  hn::Store(hn::BitCast(d, hn::InterleaveUpper(pairs, high01, high23)), d, columns + 3 * lanes);
  for (int64_t c = 0; c < lanes; ++c) std::copy_n(columns + c % 4 * lanes + c / 4 * 4, 4, to + c * to_stride);
}

#endif

// to(c, r) = from(r, c)
void Turn(const float* from, int64_t stride, int64_t rows, int64_t columns, float* to, int64_t to_stride) {
  int64_t whole_rows = 0, whole_columns = 0;
#if HWY_TARGET != HWY_SCALAR
  const hn::ScalableTag<float> d;
  const auto lanes = static_cast<int64_t>(hn::Lanes(d));
  whole_rows = rows / 4 * 4;
  whole_columns = columns / lanes * lanes;
  for (int64_t r = 0; r < whole_rows; r += 4) {
    for (int64_t c = 0; c < whole_columns; c += lanes) {
      TurnFourRows(d, from + r * stride + c, stride, to + c * to_stride + r, to_stride);
    }
  }
#endif
  for (int64_t r = 0; r < rows; ++r) {
    for (int64_t c = r < whole_rows ? whole_columns : 0; c < columns; ++c) to[c * to_stride + r] = from[r * stride + c];
  }
}

// Whole cache lines; `to` begins with one.
void Stream(const float* from, int64_t floats, float* to) {
  const hn::CappedTag<float, 16> d;
  const auto lanes = static_cast<int64_t>(hn::Lanes(d));
  for (int64_t i = 0; i < floats; i += lanes) hn::Stream(hn::LoadU(d, from + i), d, to + i);
}

}  // namespace anemone::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace anemone {

HWY_EXPORT(Turn);
HWY_EXPORT(Stream);

namespace {

constexpr int64_t kGrain = 1 << 14;  // elements worth a thread

// A tile reads one cache line of each of its rows and writes whole lines of halves.
constexpr int64_t kTileColumns = 16;
constexpr int64_t kTileRows = 64;

void store(const float* from, int64_t count, float* to) { std::copy_n(from, count, to); }
void store(const float* from, int64_t count, Half* to) { to_half({from, static_cast<size_t>(count)}, to); }
void store(const float* from, int64_t count, BFloat16* to) { to_bfloat16({from, static_cast<size_t>(count)}, to); }
void store(const Half* from, int64_t count, float* to) { to_float({from, static_cast<size_t>(count)}, to); }

constexpr int64_t kLine = 64;     // bytes
constexpr int64_t kPiece = 1024;  // elements that are converted before they are streamed

template <class T>
bool is_whole_lines(const T* to, int64_t count) {
  return reinterpret_cast<uintptr_t>(to) % kLine == 0 && count * static_cast<int64_t>(sizeof(T)) % kLine == 0;
}

void stream(const float* from, int64_t count, float* to) { HWY_DYNAMIC_DISPATCH(Stream)(from, count, to); }
template <class To>
void stream(const float* from, int64_t count, To* to) {
  alignas(kLine) To converted[kPiece];
  for (int64_t at = 0; at < count; at += kPiece) {
    const int64_t size = std::min(kPiece, count - at);
    store(from + at, size, converted);
    HWY_DYNAMIC_DISPATCH(Stream)
    (reinterpret_cast<const float*>(converted), size * static_cast<int64_t>(sizeof(To)) / 4,
     reinterpret_cast<float*>(to + at));
  }
}

template <class From, class To>
void store(const From* from, int64_t count, To* to, Stores stores) {
  if constexpr (std::is_same_v<From, float>) {
    if (stores == Stores::streamed && is_whole_lines(to, count)) return stream(from, count, to);
  }
  store(from, count, to);
}

// The tile at (row, column) of `from`, turned in a buffer that stays in the cache, then stored row by row.
template <class To>
void transpose_tile(const FloatMatrix& from, int64_t row, int64_t column, To* to, int64_t stride, Stores stores) {
  float turned[kTileColumns][kTileRows];
  const int64_t rows = std::min(kTileRows, from.rows - row);
  const int64_t columns = std::min(kTileColumns, from.columns - column);
  HWY_DYNAMIC_DISPATCH(Turn)
  (from.data + row * from.stride + column, from.stride, rows, columns, turned[0], kTileRows);
  for (int64_t c = 0; c < columns; ++c) store(turned[c], rows, to + (column + c) * stride + row, stores);
}

template <class To>
void transpose_tiles(const FloatMatrix& from, To* to, int64_t stride, Stores stores) {
  const int64_t bands = (from.columns + kTileColumns - 1) / kTileColumns;
  const int64_t grain = std::max<int64_t>(1, kGrain / std::max<int64_t>(1, from.rows * kTileColumns));
  parallel_for(bands, grain, [&](int64_t begin, int64_t end) {
    for (int64_t row = 0; row < from.rows; row += kTileRows) {
      for (int64_t band = begin; band < end; ++band) transpose_tile(from, row, band * kTileColumns, to, stride, stores);
    }
    if (stores == Stores::streamed) hwy::FlushStream();
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
void copy_rows(const MatrixView<From>& from, To* to, int64_t stride, Stores stores) {
  const bool column = from.columns == 1 && from.stride == 1;
  if (column && stride != 1) return spread(from.data, from.rows, to, stride);
  const bool gapless = from.stride == from.columns && stride == from.columns;
  if (gapless && stores == Stores::cached) {  // the rows are one piece
    return parallel_for(from.rows * from.columns, kGrain,
                        [&](int64_t begin, int64_t end) { store(from.data + begin, end - begin, to + begin); });
  }
  const int64_t grain = std::max<int64_t>(1, kGrain / std::max<int64_t>(1, from.columns));
  parallel_for(from.rows, grain, [&](int64_t begin, int64_t end) {
    for (int64_t r = begin; r < end; ++r) store(from.data + r * from.stride, from.columns, to + r * stride, stores);
    if (stores == Stores::streamed) hwy::FlushStream();
  });
}

}  // namespace

void copy_bytes(const void* from, size_t bytes, void* to) {
  constexpr int64_t kBytesGrain = 1 << 16;
  parallel_for(static_cast<int64_t>(bytes), kBytesGrain, [&](int64_t begin, int64_t end) {
    std::memcpy(static_cast<std::byte*>(to) + begin, static_cast<const std::byte*>(from) + begin,
                static_cast<size_t>(end - begin));
  });
}

void transpose(const FloatMatrix& from, float* to, int64_t stride, Stores stores) {
  transpose_tiles(from, to, stride, stores);
}
void transpose(const FloatMatrix& from, Half* to, int64_t stride, Stores stores) {
  transpose_tiles(from, to, stride, stores);
}
void transpose(const FloatMatrix& from, BFloat16* to, int64_t stride, Stores stores) {
  transpose_tiles(from, to, stride, stores);
}

void copy(const FloatMatrix& from, float* to, int64_t stride, Stores stores) { copy_rows(from, to, stride, stores); }
void copy(const FloatMatrix& from, Half* to, int64_t stride, Stores stores) { copy_rows(from, to, stride, stores); }
void copy(const FloatMatrix& from, BFloat16* to, int64_t stride, Stores stores) { copy_rows(from, to, stride, stores); }
void copy(const HalfMatrix& from, float* to, int64_t stride) { copy_rows(from, to, stride, Stores::cached); }

}  // namespace anemone
#endif
