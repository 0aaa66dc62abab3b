#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "device/cpu/kernels/elementwise.cc"
#include <hwy/foreach_target.h>  // compiles this file once for each instruction set
//
#include <cmath>

#include "device/cpu/kernels/elementwise.h"
#include "device/cpu/kernels/vector_math-inl.h"

HWY_BEFORE_NAMESPACE();
namespace anemone::cpu::HWY_NAMESPACE {

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

void ApplyUnary(ElementOp op, const Operands& in, float* out, size_t n) {
  const Vector one = hn::Set(Floats(), 1.0f);
  const Vector plus = hn::Set(Floats(), in.immediate);
  switch (op) {
    case ElementOp::abs:
      return Unary(in, out, n, [](Floats, Vector x) HWY_ATTR { return hn::Abs(x); });
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
    case ElementOp::relu:
      return Unary(in, out, n, [](Floats d, Vector x) HWY_ATTR { return MaxOf(x, hn::Zero(d)); });
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
    default:
      for (size_t i = 0; i < n; ++i) out[i] = std::pow(in.a[i], in.b[i]);
  }
}

}  // namespace anemone::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace anemone::cpu {

HWY_EXPORT(ApplyUnary);
HWY_EXPORT(ApplyBinary);

void apply(ElementOp op, const Operands& operands, float* out, size_t count) {
  if (op < ElementOp::add) return HWY_DYNAMIC_DISPATCH(ApplyUnary)(op, operands, out, count);
  HWY_DYNAMIC_DISPATCH(ApplyBinary)(op, operands, out, count);
}

}  // namespace anemone::cpu
#endif
