// Highway functions that the kernels share; included once for each instruction set.
#if defined(ANEMONE_VECTOR_MATH_INL) == defined(HWY_TARGET_TOGGLE)
#ifdef ANEMONE_VECTOR_MATH_INL
#undef ANEMONE_VECTOR_MATH_INL
#else
#define ANEMONE_VECTOR_MATH_INL
#endif

#include <hwy/contrib/math/math-inl.h>
#include <hwy/highway.h>

#include <cstring>
#include <limits>

HWY_BEFORE_NAMESPACE();
namespace anemone::cpu::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

using Floats = hn::ScalableTag<float>;
using Vector = hn::Vec<Floats>;

// e^x, extended to what Highway's leaves out: NaN, and x above 104.
HWY_INLINE Vector ExpOf(Floats d, Vector x) {
  const Vector inf = hn::Set(d, std::numeric_limits<float>::infinity());
  const Vector e = hn::IfThenElse(hn::Gt(x, hn::Set(d, 89.0f)), inf, hn::Exp(d, x));
  return hn::IfThenElse(hn::IsNaN(x), x, e);
}

// ln x, extended likewise: −∞ at 0, NaN below, ∞ at ∞.
HWY_INLINE Vector LogOf(Floats d, Vector x) {
  const Vector inf = hn::Set(d, std::numeric_limits<float>::infinity());
  const Vector nan = hn::Set(d, std::numeric_limits<float>::quiet_NaN());
  const Vector log = hn::IfThenElse(hn::Gt(x, hn::Zero(d)), hn::Log(d, x), nan);
  return hn::IfThenElse(hn::Eq(x, hn::Zero(d)), hn::Neg(inf), hn::IfThenElse(hn::Eq(x, inf), inf, log));
}

HWY_INLINE Vector TanhOf(Floats d, Vector x) { return hn::IfThenElse(hn::IsNaN(x), x, hn::Tanh(d, x)); }

// 1 / (1 + e^−x), by e^−|x| so that nothing overflows.
HWY_INLINE Vector SigmoidOf(Floats d, Vector x) {
  const Vector one = hn::Set(d, 1.0f);
  const Vector e = ExpOf(d, hn::Neg(hn::Abs(x)));
  return hn::Div(hn::IfThenElse(hn::Lt(x, hn::Zero(d)), e, one), hn::Add(one, e));
}

// NaN wins on either side: of a by comparing false, of b by itself.
HWY_INLINE Vector MaxOf(Vector a, Vector b) { return hn::IfThenElse(hn::Or(hn::Lt(a, b), hn::IsNaN(b)), b, a); }
HWY_INLINE Vector MinOf(Vector a, Vector b) { return hn::IfThenElse(hn::Or(hn::Lt(b, a), hn::IsNaN(b)), b, a); }

// The first `count` elements, then zeros; fewer than a vector holds.
HWY_INLINE Vector LoadFirst(Floats d, const float* from, size_t count) {
  HWY_ALIGN float lanes[hn::MaxLanes(Floats())] = {};
  std::memcpy(lanes, from, count * sizeof(float));
  return hn::Load(d, lanes);
}

HWY_INLINE void StoreFirst(Floats d, Vector v, float* to, size_t count) {
  HWY_ALIGN float lanes[hn::MaxLanes(Floats())];
  hn::Store(v, d, lanes);
  std::memcpy(to, lanes, count * sizeof(float));
}

}  // namespace anemone::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif
