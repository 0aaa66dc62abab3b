#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "base/normal.cc"
#include <hwy/foreach_target.h>  // compiles this file once for each instruction set
//
#include <hwy/contrib/math/math-inl.h>
#include <hwy/highway.h>

#include <algorithm>

#include "base/normal.h"
#include "base/parallel.h"
#include "base/random.h"

HWY_BEFORE_NAMESPACE();
namespace anemone::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

constexpr size_t kPairs = 256;  // at once: a multiple of every vector's length

struct Pairs {
  HWY_ALIGN float u[kPairs];           // in (0, 1]
  HWY_ALIGN float angle[kPairs];       // in [0, 2π)
  HWY_ALIGN float normal[2 * kPairs];  // deviation·√(−2·ln u)·(cos angle, sin angle)
};

void Turn(float deviation, Pairs& p) {
  const hn::ScalableTag<float> d;
  for (size_t i = 0; i < kPairs; i += hn::Lanes(d)) {
    const auto square = hn::Mul(hn::Set(d, -2.0f), hn::Log(d, hn::Load(d, p.u + i)));
    const auto radius = hn::Mul(hn::Set(d, deviation), hn::Sqrt(hn::Max(square, hn::Zero(d))));
    const auto angle = hn::Load(d, p.angle + i);
    hn::StoreInterleaved2(hn::Mul(radius, hn::Cos(d, angle)), hn::Mul(radius, hn::Sin(d, angle)), d, p.normal + 2 * i);
  }
}

// The values from pair `first` on.
void FillNormal(uint64_t stream, int64_t first, float deviation, float* values, size_t count) {
  constexpr float kTau = 6.28318530717958648F;
  Random random(stream, 2 * static_cast<uint64_t>(first));
  Pairs pairs;
  for (size_t at = 0; at < count; at += 2 * kPairs) {
    for (size_t i = 0; i < kPairs; ++i) {
      pairs.u[i] = static_cast<float>(1 - random.next());
      pairs.angle[i] = kTau * static_cast<float>(random.next());
    }
    Turn(deviation, pairs);
    std::copy_n(pairs.normal, std::min(2 * kPairs, count - at), values + at);
  }
}

}  // namespace anemone::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace anemone {

HWY_EXPORT(FillNormal);

void fill_normal(std::span<float> values, float deviation, uint64_t stream) {
  constexpr int64_t kGrain = 4096;  // pairs worth a thread
  const auto count = static_cast<int64_t>(values.size());
  parallel_for((count + 1) / 2, kGrain, [&](int64_t begin, int64_t end) {
    const int64_t size = std::min(2 * end, count) - 2 * begin;
    HWY_DYNAMIC_DISPATCH(FillNormal)
    (stream, begin, deviation, values.data() + 2 * begin, static_cast<size_t>(size));
  });
}

}  // namespace anemone
#endif
