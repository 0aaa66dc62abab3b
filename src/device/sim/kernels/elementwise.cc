#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "device/sim/kernels/elementwise.cc"
#include <hwy/foreach_target.h>  // compiles this file once for each instruction set
//
#include <hwy/highway.h>

#include "device/sim/kernels/elementwise.h"
#include "device/sim/kernels/half-inl.h"

HWY_BEFORE_NAMESPACE();
namespace anemone::sim::HWY_NAMESPACE {

using Floats = hn::ScalableTag<float>;
using Element = hn::CappedTag<float, 1>;

// As floats, of 24 bits. A product of two halves has 22. A sum is exact where exponents are less than 13 apart; beyond
// that the smaller is less than half a unit of the larger, as the rounded sum still tells, and the larger is the
// result.
template <class V>
HWY_INLINE V Combined(Combination how, V x, V y) {
  switch (how) {
    case Combination::add:
      return hn::Add(x, y);
    case Combination::sub:
      return hn::Sub(x, y);
    case Combination::mul:
      return hn::Mul(x, y);
    case Combination::maximum:
      return hn::Max(x, y);
    case Combination::minimum:
      return hn::Min(x, y);
  }
  return x;
}

template <class D>
HWY_INLINE hn::Vec<D> Loaded(D d, const Run& run, int64_t i) {
  const auto* data = reinterpret_cast<const uint16_t*>(run.data);
  if (run.stride == 1) return Decoded(d, data + i);
  HWY_ALIGN uint16_t gathered[hn::MaxLanes(D())];
  for (size_t lane = 0; lane < hn::Lanes(d); ++lane) gathered[lane] = data[(i + int64_t(lane)) * run.stride];
  return Decoded(d, gathered);
}

void Combine(Combination how, const Run& x, const Run& y, Half* to, int64_t count) {
  auto* bits = reinterpret_cast<uint16_t*>(to);
  const auto pass = [&](auto d, int64_t i)
                        HWY_ATTR { StoreHalfAway(d, Combined(how, Loaded(d, x, i), Loaded(d, y, i)), bits + i); };
  const auto lanes = int64_t(hn::Lanes(Floats()));
  int64_t i = 0;
  for (; i + lanes <= count; i += lanes) pass(Floats(), i);
  for (; i < count; ++i) pass(Element(), i);
}

}  // namespace anemone::sim::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace anemone::sim {

HWY_EXPORT(Combine);

void combine(Combination how, const Run& x, const Run& y, Half* to, int64_t count) {
  HWY_DYNAMIC_DISPATCH(Combine)(how, x, y, to, count);
}

void look_up(const Tabulated& table, const Half* x, Half* to, int64_t count) {
  for (int64_t i = 0; i < count; ++i) to[i] = table[x[i].bits];
}

}  // namespace anemone::sim
#endif
