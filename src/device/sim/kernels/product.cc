#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "device/sim/kernels/product.cc"
#include <hwy/foreach_target.h>  // compiles this file once for each instruction set
//
#include <hwy/highway.h>

#include <algorithm>
#include <cmath>

#include "base/parallel.h"
#include "device/sim/arithmetic/accumulator.h"
#include "device/sim/kernels/half-inl.h"
#include "device/sim/kernels/product.h"

#ifndef ANEMONE_SIM_PRODUCT_TILES
#define ANEMONE_SIM_PRODUCT_TILES
namespace anemone::sim {

// B is packed in panels of kPanel columns, [inner][kPanel], and A a tile of kTile rows at a time, [inner][kTile], its
// elements in units; both as floats. With each element of A goes the magnitude below which an element of B is dropped.
inline constexpr int64_t kPanel = 32, kTile = 4, kChunk = 64;

inline int64_t panels(const Product& p) { return (p.columns + kPanel - 1) / kPanel; }
inline int64_t tiles(const Product& p) { return (p.rows + kTile - 1) / kTile; }
inline int64_t packed_inner(const Product& p) { return (p.inner + kChunk - 1) / kChunk * kChunk; }
inline int64_t panel_floats(const Product& p) { return p.inner * kPanel; }
inline int64_t tile_floats(const Product& p) { return 2 * kTile * packed_inner(p); }

struct Panel {
  const float* elements;
  float largest;  // magnitude
};

struct Tile {
  float* elements;
  float* least;                         // magnitudes of B that are not dropped
  double first[kTile] = {};             // the bias, in units
  float largest = 0, sums[kTile] = {};  // magnitudes: one of all, and their sums along each row
};

}  // namespace anemone::sim
#endif

HWY_BEFORE_NAMESPACE();
namespace anemone::sim::HWY_NAMESPACE {

using Floats = hn::ScalableTag<float>;
using Ints = hn::RebindToSigned<Floats>;
using Doubles = hn::ScalableTag<double>;

// ---- Sums that cannot overflow, of terms under 2^22 units: an instruction a step.
//
// A term x·w is rounded by adding 1.5·2^23 to it, behind whose last bit no fraction has room. Ties go to even there: x
// is made larger by one in its last place, which turns them away from zero and nothing else, since x and w have 11 bits
// each and a float has 24.
//
// That takes instructions that round a product and a sum at once.
inline constexpr float kMagic = 0x1.8p23f;
inline constexpr int32_t kMagicBits = 0x4B400000;

// How many columns a pass takes: two vectors, but no more than a panel has.
HWY_INLINE int64_t PassColumns() { return std::min<int64_t>(2 * int64_t(hn::Lanes(Floats())), kPanel); }

template <class F>
HWY_INLINE void AddTerm(F f, hn::Vec<F> x, hn::Vec<F> size, hn::Vec<F> w, hn::Vec<F> least, hn::Vec<Ints>& sum) {
  const Ints i;
  const auto kept = hn::IfThenElseZero(hn::Ge(size, least), x);
  sum = hn::Add(sum, hn::BitCast(i, hn::MulAdd(kept, w, hn::Set(f, kMagic))));
}

// sums[kTile][kPanel] at columns [0, PassColumns()) of `panel`.
HWY_INLINE void AddPass(const Tile& tile, const float* panel, int64_t inner, int32_t* sums) {
  const Floats f;
  const Ints i;
  const auto lanes = int64_t(hn::Lanes(f));
  const auto one = hn::Set(i, 1), size_bits = hn::Set(i, 0x7FFFFFFF);
  const auto first = [&](int r) HWY_ATTR { return hn::Set(i, static_cast<int32_t>(tile.first[r])); };
  const float *a = tile.elements, *t = tile.least;
  auto l0 = first(0), l1 = first(1), l2 = first(2), l3 = first(3);
  auto r0 = l0, r1 = l1, r2 = l2, r3 = l3;
  for (int64_t k = 0; k < inner; ++k, a += kTile, t += kTile, panel += kPanel) {
    const auto left = hn::Add(hn::BitCast(i, hn::LoadU(f, panel)), one);
    const auto right = hn::Add(hn::BitCast(i, hn::LoadU(f, panel + lanes)), one);
    const auto x = hn::BitCast(f, left), x_size = hn::BitCast(f, hn::And(left, size_bits));
    const auto y = hn::BitCast(f, right), y_size = hn::BitCast(f, hn::And(right, size_bits));
    const auto w0 = hn::Set(f, a[0]), w1 = hn::Set(f, a[1]), w2 = hn::Set(f, a[2]), w3 = hn::Set(f, a[3]);
    const auto t0 = hn::Set(f, t[0]), t1 = hn::Set(f, t[1]), t2 = hn::Set(f, t[2]), t3 = hn::Set(f, t[3]);
    AddTerm(f, x, x_size, w0, t0, l0), AddTerm(f, y, y_size, w0, t0, r0);
    AddTerm(f, x, x_size, w1, t1, l1), AddTerm(f, y, y_size, w1, t1, r1);
    AddTerm(f, x, x_size, w2, t2, l2), AddTerm(f, y, y_size, w2, t2, r2);
    AddTerm(f, x, x_size, w3, t3, l3), AddTerm(f, y, y_size, w3, t3, r3);
  }
  const auto magic = hn::Set(i, static_cast<int32_t>(uint32_t(inner) * uint32_t(kMagicBits)));
  hn::StoreU(hn::Sub(l0, magic), i, sums), hn::StoreU(hn::Sub(r0, magic), i, sums + lanes);
  sums += kPanel;
  hn::StoreU(hn::Sub(l1, magic), i, sums), hn::StoreU(hn::Sub(r1, magic), i, sums + lanes);
  sums += kPanel;
  hn::StoreU(hn::Sub(l2, magic), i, sums), hn::StoreU(hn::Sub(r2, magic), i, sums + lanes);
  sums += kPanel;
  hn::StoreU(hn::Sub(l3, magic), i, sums), hn::StoreU(hn::Sub(r3, magic), i, sums + lanes);
}

void AddTile(const Tile& tile, const float* panel, int64_t inner, int32_t* sums) {
  for (int64_t c = 0; c < kPanel; c += PassColumns()) AddPass(tile, panel + c, inner, sums + c);
}

// ---- Any sums: in doubles, which hold each term and each sum exactly.

template <class D>
HWY_INLINE void AddChecked(D d, hn::Vec<D> x, double w, double least, hn::Vec<D>& sum) {
  const auto term = hn::Mul(x, hn::Set(d, w));
  const auto whole = hn::Trunc(hn::Add(term, hn::CopySign(hn::Set(d, 0.5), term)));
  const auto kept = hn::IfThenElseZero(hn::Ge(hn::Abs(x), hn::Set(d, least)), whole);
  sum = hn::Add(sum, kept);
  const auto over = hn::Ge(hn::Abs(sum), hn::Set(d, double(kOverflow)));
  sum = hn::IfThenElse(over, hn::CopySign(hn::Set(d, HUGE_VAL), sum), sum);
}

void AddTileChecked(const Tile& tile, const float* panel, int64_t inner, double* sums) {
  const Doubles d;
  const hn::Rebind<float, Doubles> narrow;
  for (int64_t c = 0; c < kPanel; c += int64_t(hn::Lanes(d))) {
    auto s0 = hn::Set(d, tile.first[0]), s1 = hn::Set(d, tile.first[1]);
    auto s2 = hn::Set(d, tile.first[2]), s3 = hn::Set(d, tile.first[3]);
    const float *a = tile.elements, *t = tile.least;
    for (int64_t k = 0; k < inner; ++k, a += kTile, t += kTile) {
      const auto x = hn::PromoteTo(d, hn::LoadU(narrow, panel + k * kPanel + c));
      AddChecked(d, x, double(a[0]), double(t[0]), s0);
      AddChecked(d, x, double(a[1]), double(t[1]), s1);
      AddChecked(d, x, double(a[2]), double(t[2]), s2);
      AddChecked(d, x, double(a[3]), double(t[3]), s3);
    }
    hn::StoreU(s0, d, sums + c), hn::StoreU(s1, d, sums + kPanel + c);
    hn::StoreU(s2, d, sums + 2 * kPanel + c), hn::StoreU(s3, d, sums + 3 * kPanel + c);
  }
}

// ---- To and from halves

// Sums in units of 2^-16 as halves; a float has too few bits for some of them.
HWY_INLINE void RoundSums(const int32_t* sums, uint16_t* to) {
  const Floats f;
  const Ints i;
  for (int64_t c = 0; c < kPanel; c += int64_t(hn::Lanes(f))) {
    const auto sum = hn::LoadU(i, sums + c);
    const auto value = hn::ConvertTo(f, sum);
    const auto rest = hn::ConvertTo(f, hn::Sub(sum, hn::ConvertTo(i, value)));
    StoreHalfAway(f, hn::Mul(Sticky(f, value, rest), hn::Set(f, float(kUnit))), to + c);
  }
}

// `count` elements of a row or column, at a stride, and zeros up to `size`; the elements themselves where they suffice.
HWY_INLINE const uint16_t* Gathered(const Half* from, int64_t stride, int64_t count, int64_t size, uint16_t* buffer) {
  const auto* bits = reinterpret_cast<const uint16_t*>(from);
  if (stride == 1 && count == size) return bits;
  for (int64_t i = 0; i < count; ++i) buffer[i] = bits[i * stride];
  std::fill(buffer + count, buffer + size, uint16_t{0});
  return buffer;
}

// The largest magnitude in columns [first, first + kPanel) of B.
float PackPanel(const Product& p, const Half* b, int64_t first, float* to) {
  const Floats f;
  const int64_t count = std::min(kPanel, p.columns - first);
  uint16_t buffer[kPanel];
  auto largest = hn::Zero(f);
  for (int64_t k = 0; k < p.inner; ++k, to += kPanel) {
    const uint16_t* row = Gathered(b + k * p.b.row + first * p.b.column, p.b.column, count, kPanel, buffer);
    for (int64_t c = 0; c < kPanel; c += int64_t(hn::Lanes(f))) {
      const auto value = Decoded(f, row + c);
      hn::StoreU(value, f, to + c);
      largest = hn::Max(largest, hn::Abs(value));
    }
  }
  return hn::GetLane(hn::MaxOfLanes(f, largest));
}

// The least magnitude that is not dropped with w: exponents must sum to more than kDropped, and subnormals, which count
// as of exponent -14, stay where the others of that exponent do. Zeros are always dropped.
template <class F>
HWY_INLINE hn::Vec<F> LeastKept(F f, hn::Vec<F> w) {
  const Ints i;
  constexpr int32_t kBias = 127;
  const auto field = hn::ShiftRight<23>(hn::BitCast(i, hn::Abs(w)));
  const auto exponent = hn::Max(field, hn::Set(i, kBias - 14));
  const auto least = hn::Sub(hn::Set(i, 2 * kBias + kDropped + 1), exponent);
  const auto any = hn::Gt(exponent, hn::Set(i, kBias + kDropped + 14));
  return hn::BitCast(f, hn::ShiftLeft<23>(hn::IfThenElse(any, hn::Set(i, kBias - 25), least)));
}

// Rows [row, row + kTile) of A.
void PackTile(const Product& p, const Half* a, int64_t row, Tile& tile) {
  const Floats f;
  const auto scale = hn::Set(f, p.terms == Terms::fixed_point ? float(1 / kUnit) : 1.0f);
  const auto nonzero = hn::Set(f, 0x1p-25f);
  const auto lanes = int64_t(hn::Lanes(f));
  hn::Vec<Floats> largest = hn::Zero(f);
  alignas(64) float rows[kTile][kChunk], least[kTile][kChunk];
  for (int64_t begin = 0; begin < p.inner; begin += kChunk) {
    const int64_t count = std::min(kChunk, p.inner - begin);
    for (int64_t r = 0; r < kTile; ++r) {
      uint16_t buffer[kChunk];
      const bool is_there = row + r < p.rows;
      const Half* from = is_there ? a + (row + r) * p.a.row + begin * p.a.column : a;
      const uint16_t* chunk = Gathered(from, p.a.column, is_there ? count : 0, kChunk, buffer);
      auto sum = hn::Zero(f);
      for (int64_t k = 0; k < kChunk; k += lanes) {
        const auto w = Decoded(f, chunk + k), units = hn::Mul(w, scale);
        hn::Store(units, f, rows[r] + k);
        hn::Store(p.terms == Terms::fixed_point ? LeastKept(f, w) : nonzero, f, least[r] + k);
        largest = hn::Max(largest, hn::Abs(units));
        sum = hn::Add(sum, hn::Abs(units));
      }
      tile.sums[r] += hn::GetLane(hn::SumOfLanes(f, sum));
    }
    for (int64_t k = 0; k < kChunk; k += lanes) {
      const auto interleave = [&](const float(&from)[kTile][kChunk], float* to) HWY_ATTR {
        hn::StoreInterleaved4(hn::Load(f, from[0] + k), hn::Load(f, from[1] + k), hn::Load(f, from[2] + k),
                              hn::Load(f, from[3] + k), f, to + (begin + k) * kTile);
      };
      interleave(rows, tile.elements);
      interleave(least, tile.least);
    }
  }
  tile.largest = hn::GetLane(hn::MaxOfLanes(f, largest));
}

// ---- A tile of A times a panel of B

// Whether each sum stays below 2^31 units in every order, and each term below 2^22. The sums of magnitudes are rounded.
bool IsNarrow(const Product& p, const Tile& tile, const Panel& panel) {
  if (!HWY_NATIVE_FMA || tile.largest * panel.largest >= 0x1p22f) return false;
  double most = 0;
  for (int64_t r = 0; r < kTile; ++r) {
    most = std::max(most, std::fabs(tile.first[r]) + 1.001 * double(tile.sums[r]) * double(panel.largest));
  }
  return most + 0.5 * double(p.inner) < double(kOverflow);
}

void MultiplyTile(const Product& p, const Tile& tile, const Panel& panel, int64_t row, int64_t column,
                  const Result2D& c) {
  alignas(64) int32_t narrow[kTile * kPanel];
  alignas(64) double sums[kTile * kPanel];
  const bool is_narrow = IsNarrow(p, tile, panel);
  if (is_narrow) {
    AddTile(tile, panel.elements, p.inner, narrow);
  } else {
    AddTileChecked(tile, panel.elements, p.inner, sums);
  }
  const int64_t rows = std::min(kTile, p.rows - row), columns = std::min(kPanel, p.columns - column);
  for (int64_t r = 0; r < rows; ++r) {
    const int64_t at = (row + r) * p.c.row + column * p.c.column, from = r * kPanel;
    if (c.sums != nullptr) {
      for (int64_t i = 0; i < columns; ++i)
        c.sums[at + i * p.c.column] = is_narrow ? double(narrow[from + i]) : sums[from + i];
      continue;
    }
    uint16_t halves[kPanel];
    if (is_narrow) {
      RoundSums(narrow + from, halves);
    } else {
      for (int64_t i = 0; i < columns; ++i) halves[i] = half_away(sums[from + i] * kUnit).bits;
    }
    for (int64_t i = 0; i < columns; ++i) c.halves[at + i * p.c.column] = Half{halves[i]};
  }
}

}  // namespace anemone::sim::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace anemone::sim {

HWY_EXPORT(PackPanel);
HWY_EXPORT(PackTile);
HWY_EXPORT(MultiplyTile);

namespace {

void begin_with(const Product& p, const Half* bias, int64_t row, Tile& tile) {
  if (bias == nullptr) return;
  for (int64_t r = 0; r < std::min(kTile, p.rows - row); ++r) tile.first[r] = Accumulator(bias[row + r]).units();
}

}  // namespace

// The panels, the largest magnitude of each, and a tile a thread.
size_t Product::scratch_floats() const {
  return static_cast<size_t>(panels(*this) * (panel_floats(*this) + 1) + thread_count() * tile_floats(*this));
}

void multiply(const Product& p, const Half* a, const Half* b, const Half* bias, const Result2D& c, float* scratch) {
  float* const largest = scratch + panels(p) * panel_floats(p);
  float* const packed_tiles = largest + panels(p);
  parallel_for(panels(p), 1, [&](int64_t begin, int64_t end) {
    const auto pack = HWY_DYNAMIC_DISPATCH(PackPanel);
    for (int64_t i = begin; i < end; ++i) largest[i] = pack(p, b, i * kPanel, scratch + i * panel_floats(p));
  });
  parallel_for(tiles(p), 1, [&](int64_t begin, int64_t end) {
    float* const packed = packed_tiles + omp_get_thread_num() * tile_floats(p);
    for (int64_t t = begin; t < end; ++t) {
      Tile tile{.elements = packed, .least = packed + kTile * packed_inner(p)};
      HWY_DYNAMIC_DISPATCH(PackTile)(p, a, t * kTile, tile);
      begin_with(p, bias, t * kTile, tile);
      const auto multiply_tile = HWY_DYNAMIC_DISPATCH(MultiplyTile);
      for (int64_t i = 0; i < panels(p); ++i) {
        multiply_tile(p, tile, {scratch + i * panel_floats(p), largest[i]}, t * kTile, i * kPanel, c);
      }
    }
  });
}

}  // namespace anemone::sim
#endif
