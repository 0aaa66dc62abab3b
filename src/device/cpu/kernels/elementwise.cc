#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "device/cpu/kernels/elementwise.cc"
#include <hwy/foreach_target.h>  // compiles this file once for each instruction set
//
#include <algorithm>
#include <cmath>
#include <limits>
#include <numbers>

#include "device/cpu/kernels/elementwise.h"
#include "device/cpu/kernels/vector_math-inl.h"
#include "device/cpu/kernels/words.h"
#include "mil/ops/elementwise.h"

HWY_BEFORE_NAMESPACE();
namespace anemone::cpu::HWY_NAMESPACE {

// NaN equals nothing. (Highway's Ne says otherwise on AVX2 and AVX-512.)
HWY_INLINE hn::Mask<Floats> NotEqual(Vector a, Vector b) { return hn::Not(hn::Eq(a, b)); }

template <class F>
HWY_INLINE void Unary(const Operands& in, float* out, size_t count, const F& f) {
  const Floats d;
  const size_t lanes = hn::Lanes(d);
  size_t i = 0;
  for (; i + lanes <= count; i += lanes) hn::StoreU(f(d, hn::LoadU(d, in.a + i)), d, out + i);
  if (i < count) StoreFirst(d, f(d, LoadFirst(d, in.a + i, count - i)), out + i, count - i);
}

template <class F>
HWY_INLINE void Binary(const Operands& in, float* out, size_t count, const F& f) {
  const Floats d;
  const size_t lanes = hn::Lanes(d);
  size_t i = 0;
  for (; i + lanes <= count; i += lanes) hn::StoreU(f(hn::LoadU(d, in.a + i), hn::LoadU(d, in.b + i)), d, out + i);
  if (i == count) return;
  const size_t rest = count - i;
  StoreFirst(d, f(LoadFirst(d, in.a + i, rest), LoadFirst(d, in.b + i, rest)), out + i, rest);
}

void Select(const Operands& in, float* out, size_t count) {
  const Floats d;
  const size_t lanes = hn::Lanes(d);
  size_t i = 0;
  for (; i + lanes <= count; i += lanes) {
    const auto holds = NotEqual(hn::LoadU(d, in.a + i), hn::Zero(d));
    hn::StoreU(hn::IfThenElse(holds, hn::LoadU(d, in.b + i), hn::LoadU(d, in.c + i)), d, out + i);
  }
  for (; i < count; ++i) out[i] = in.a[i] != 0 ? in.b[i] : in.c[i];
}

// −1, 0 or 1, and NaN of NaN.
HWY_INLINE Vector SignOf(Floats d, Vector x) {
  const Vector one = hn::CopySign(hn::Set(d, 1.0f), x);
  return hn::IfThenElse(hn::Or(hn::Eq(x, hn::Zero(d)), hn::IsNaN(x)), x, one);
}

// By ½(1 + tanh u) = sigmoid(2u), which does not cancel.
HWY_INLINE Vector GeluTanhOf(Floats d, Vector x) {
  const Vector cubed = hn::Mul(hn::Mul(x, x), x);
  const Vector u = hn::MulAdd(hn::Set(d, 0.044715f), cubed, x);
  return hn::Mul(x, SigmoidOf(d, hn::Mul(hn::Set(d, 1.5957691216f), u)));  // 2√(2/π)
}

HWY_INLINE Vector OneIf(Floats d, hn::Mask<Floats> holds) { return hn::IfThenElseZero(holds, hn::Set(d, 1.0f)); }

void ApplyUnary(ElementOp op, const Operands& in, float* out, size_t n) {
  const Vector one = hn::Set(Floats(), 1.0f);
  const Vector plus = hn::Set(Floats(), in.immediate);
  switch (op) {
    case ElementOp::abs:
      return Unary(in, out, n, [](Floats, Vector x) HWY_ATTR { return hn::Abs(x); });
    case ElementOp::sign:
      return Unary(in, out, n, [](Floats d, Vector x) HWY_ATTR { return SignOf(d, x); });
    case ElementOp::square:
      return Unary(in, out, n, [](Floats, Vector x) HWY_ATTR { return hn::Mul(x, x); });
    case ElementOp::exp:
      return Unary(in, out, n, [](Floats d, Vector x) HWY_ATTR { return ExpOf(d, x); });
    case ElementOp::sqrt:
      return Unary(in, out, n, [](Floats, Vector x) HWY_ATTR { return hn::Sqrt(x); });
    case ElementOp::tanh:
      return Unary(in, out, n, [](Floats d, Vector x) HWY_ATTR { return TanhOf(d, x); });
    case ElementOp::log:
      return Unary(in, out, n, [=](Floats d, Vector x) HWY_ATTR { return LogOf(d, hn::Add(x, plus)); });
    case ElementOp::rsqrt:
      return Unary(in, out, n, [=](Floats, Vector x) HWY_ATTR { return hn::Div(one, hn::Sqrt(hn::Add(x, plus))); });
    case ElementOp::inverse:
      return Unary(in, out, n, [=](Floats, Vector x) HWY_ATTR { return hn::Div(one, hn::Add(x, plus)); });
    case ElementOp::floor:
      return Unary(in, out, n, [](Floats, Vector x) HWY_ATTR { return hn::Floor(x); });
    case ElementOp::ceil:
      return Unary(in, out, n, [](Floats, Vector x) HWY_ATTR { return hn::Ceil(x); });
    case ElementOp::round:
      return Unary(in, out, n, [](Floats, Vector x) HWY_ATTR { return hn::Round(x); });
    case ElementOp::relu:
      return Unary(in, out, n, [](Floats d, Vector x) HWY_ATTR { return MaxOf(x, hn::Zero(d)); });
    case ElementOp::gelu_tanh:
      return Unary(in, out, n, [](Floats d, Vector x) HWY_ATTR { return GeluTanhOf(d, x); });
    case ElementOp::gelu_sigmoid:
      return Unary(in, out, n, [](Floats d, Vector x) HWY_ATTR {
        return hn::Mul(x, SigmoidOf(d, hn::Mul(x, hn::Set(d, 1.702f))));
      });
    case ElementOp::at_least:
      return Unary(in, out, n, [=](Floats, Vector x) HWY_ATTR { return MaxOf(x, plus); });
    case ElementOp::at_most:
      return Unary(in, out, n, [=](Floats, Vector x) HWY_ATTR { return MinOf(x, plus); });
    case ElementOp::truth:
      return Unary(in, out, n, [=](Floats d, Vector x) HWY_ATTR { return OneIf(d, NotEqual(x, hn::Zero(d))); });
    case ElementOp::is_zero:
      return Unary(in, out, n, [=](Floats d, Vector x) HWY_ATTR { return OneIf(d, hn::Eq(x, hn::Zero(d))); });
    case ElementOp::sigmoid:
      return Unary(in, out, n, [](Floats d, Vector x) HWY_ATTR { return SigmoidOf(d, x); });
    case ElementOp::silu:
      return Unary(in, out, n, [](Floats d, Vector x) HWY_ATTR { return hn::Mul(x, SigmoidOf(d, x)); });
    default:
      return Unary(in, out, n, [](Floats, Vector x) HWY_ATTR { return x; });
  }
}

void ApplyBinary(ElementOp op, const Operands& in, float* out, size_t n) {
  switch (op) {
    case ElementOp::add:
      return Binary(in, out, n, [](Vector a, Vector b) HWY_ATTR { return hn::Add(a, b); });
    case ElementOp::sub:
      return Binary(in, out, n, [](Vector a, Vector b) HWY_ATTR { return hn::Sub(a, b); });
    case ElementOp::mul:
      return Binary(in, out, n, [](Vector a, Vector b) HWY_ATTR { return hn::Mul(a, b); });
    case ElementOp::div:
      return Binary(in, out, n, [](Vector a, Vector b) HWY_ATTR { return hn::Div(a, b); });
    case ElementOp::maximum:
      return Binary(in, out, n, [](Vector a, Vector b) HWY_ATTR { return MaxOf(a, b); });
    case ElementOp::minimum:
      return Binary(in, out, n, [](Vector a, Vector b) HWY_ATTR { return MinOf(a, b); });
    case ElementOp::equal:
      return Binary(in, out, n, [](Vector a, Vector b) HWY_ATTR { return OneIf(Floats(), hn::Eq(a, b)); });
    case ElementOp::not_equal:
      return Binary(in, out, n, [](Vector a, Vector b) HWY_ATTR { return OneIf(Floats(), NotEqual(a, b)); });
    case ElementOp::less:
      return Binary(in, out, n, [](Vector a, Vector b) HWY_ATTR { return OneIf(Floats(), hn::Lt(a, b)); });
    default:
      return Binary(in, out, n, [](Vector a, Vector b) HWY_ATTR { return OneIf(Floats(), hn::Le(a, b)); });
  }
}

}  // namespace anemone::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace anemone::cpu {

HWY_EXPORT(ApplyUnary);
HWY_EXPORT(ApplyBinary);
HWY_EXPORT(Select);

namespace {

double truncated(double x) {
  if (std::isnan(x)) return 0;
  return std::trunc(std::clamp<double>(x, std::numeric_limits<int32_t>::min(), std::numeric_limits<int32_t>::max()));
}

template <class F>
void each(const Operands& in, float* out, size_t count, const F& f) {
  for (size_t i = 0; i < count; ++i) out[i] = static_cast<float>(f(double{in.a[i]}));
}

template <class F>
void each_pair(const Operands& in, float* out, size_t count, const F& f) {
  for (size_t i = 0; i < count; ++i) out[i] = static_cast<float>(f(double{in.a[i]}, double{in.b[i]}));
}

void apply_each(ElementOp op, const Operands& in, float* out, size_t n) {
  switch (op) {
    case ElementOp::exp2:
      return each(in, out, n, [](double x) { return std::exp2(x); });
    case ElementOp::sin:
      return each(in, out, n, [](double x) { return std::sin(x); });
    case ElementOp::cos:
      return each(in, out, n, [](double x) { return std::cos(x); });
    case ElementOp::tan:
      return each(in, out, n, [](double x) { return std::tan(x); });
    case ElementOp::asin:
      return each(in, out, n, [](double x) { return std::asin(x); });
    case ElementOp::acos:
      return each(in, out, n, [](double x) { return std::acos(x); });
    case ElementOp::atan:
      return each(in, out, n, [](double x) { return std::atan(x); });
    case ElementOp::sinh:
      return each(in, out, n, [](double x) { return std::sinh(x); });
    case ElementOp::cosh:
      return each(in, out, n, [](double x) { return std::cosh(x); });
    case ElementOp::atanh:
      return each(in, out, n, [](double x) { return std::atanh(x); });
    case ElementOp::erf:
      return each(in, out, n, [](double x) { return std::erf(x); });
    case ElementOp::gelu:
      return each(in, out, n, [](double x) { return x / 2 * std::erfc(-x * std::numbers::sqrt2 / 2); });
    default:
      for (size_t i = 0; i < n; ++i) out[i] = to_word(mil::DType::int32, truncated(in.a[i]));
  }
}

void apply_each_pair(ElementOp op, const Operands& in, float* out, size_t n) {
  switch (op) {
    case ElementOp::floor_div:
      return each_pair(in, out, n, [](double x, double y) { return std::floor(x / y); });
    case ElementOp::mod:
      return each_pair(in, out, n, mil::modulo);
    default:
      for (size_t i = 0; i < n; ++i) out[i] = std::pow(in.a[i], in.b[i]);
  }
}

}  // namespace

void apply(ElementOp op, const Operands& operands, float* out, size_t count) {
  if (op < ElementOp::exp2) return HWY_DYNAMIC_DISPATCH(ApplyUnary)(op, operands, out, count);
  if (op < ElementOp::add) return apply_each(op, operands, out, count);
  if (op < ElementOp::floor_div) return HWY_DYNAMIC_DISPATCH(ApplyBinary)(op, operands, out, count);
  if (op < ElementOp::select) return apply_each_pair(op, operands, out, count);
  HWY_DYNAMIC_DISPATCH(Select)(operands, out, count);
}

}  // namespace anemone::cpu
#endif
