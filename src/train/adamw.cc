#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "train/adamw.cc"
#include <hwy/foreach_target.h>  // compiles this file once for each instruction set
//
#include <hwy/highway.h>

#include "train/adamw.h"
#include "train/vector_loop-inl.h"

HWY_BEFORE_NAMESPACE();
namespace anemone::train::HWY_NAMESPACE {

void AdamW(const AdamWCoefficients& coefficients, const AdamWRun& run, int64_t count) {
  const AdamWCoefficients k = coefficients;  // locals, which the stores below cannot touch
  const AdamWRun at = run;
  for_each(count, [&](auto d, int64_t i) HWY_ATTR {
    const auto w = hn::LoadU(d, at.w + i);
    const auto g = hn::Mul(hn::Set(d, k.scale), hn::LoadU(d, at.gradient + i));
    const auto m = hn::MulAdd(hn::Set(d, k.beta1), hn::LoadU(d, at.m + i), hn::Mul(hn::Set(d, 1 - k.beta1), g));
    const auto new_part = hn::Mul(hn::Set(d, 1 - k.beta2), hn::Mul(g, g));
    const auto v = hn::MulAdd(hn::Set(d, k.beta2), hn::LoadU(d, at.v + i), new_part);
    const auto deviation = hn::Add(hn::Sqrt(hn::Mul(v, hn::Set(d, k.variance))), hn::Set(d, k.epsilon));
    const auto move = hn::Div(hn::Mul(hn::Set(d, k.step), m), deviation);
    hn::StoreU(m, d, at.m + i);
    hn::StoreU(v, d, at.v + i);
    hn::StoreU(hn::Sub(w, hn::MulAdd(hn::Set(d, k.decay), w, move)), d, at.w + i);
  });
}

double SumOfSquares(const float* x, int64_t count) {
  const hn::ScalableTag<double> d;
  const hn::Rebind<float, decltype(d)> f;
  const auto lanes = static_cast<int64_t>(hn::Lanes(d));
  auto even = hn::Zero(d), odd = hn::Zero(d);  // two chains, to hide the latency of the additions
  int64_t i = 0;
  for (; i + 2 * lanes <= count; i += 2 * lanes) {
    const auto a = hn::PromoteTo(d, hn::LoadU(f, x + i));
    const auto b = hn::PromoteTo(d, hn::LoadU(f, x + i + lanes));
    even = hn::MulAdd(a, a, even);
    odd = hn::MulAdd(b, b, odd);
  }
  double sum = hn::GetLane(hn::SumOfLanes(d, hn::Add(even, odd)));
  for (; i < count; ++i) sum += static_cast<double>(x[i]) * x[i];
  return sum;
}

}  // namespace anemone::train::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace anemone::train {

HWY_EXPORT(AdamW);
HWY_EXPORT(SumOfSquares);

void adamw(const AdamWCoefficients& coefficients, const AdamWRun& run, int64_t count) {
  HWY_DYNAMIC_DISPATCH(AdamW)(coefficients, run, count);
}

double sum_of_squares(const float* x, int64_t count) { return HWY_DYNAMIC_DISPATCH(SumOfSquares)(x, count); }

}  // namespace anemone::train
#endif
