#include <algorithm>

#include "base/check.h"
#include "device/cpu/kernels/elementwise.h"
#include "device/cpu/kernels/words.h"

namespace anemone::cpu {
namespace {

float result(int32_t value) { return word(value); }
float result(uint32_t value) { return word(static_cast<int32_t>(value)); }  // arithmetic wraps
float result(bool value) { return value ? 1.0f : 0.0f; }
float result(float value) { return value; }

template <class F>
void unary(const Operands& in, float* out, size_t count, const F& f) {
  for (size_t i = 0; i < count; ++i) out[i] = result(f(integer(in.a[i])));
}

template <class F>
void binary(const Operands& in, float* out, size_t count, const F& f) {
  for (size_t i = 0; i < count; ++i) out[i] = result(f(integer(in.a[i]), integer(in.b[i])));
}

uint32_t bits(int32_t value) { return static_cast<uint32_t>(value); }

void apply_binary(ElementOp op, const Operands& in, float* out, size_t n) {
  switch (op) {
    case ElementOp::add:
      return binary(in, out, n, [](int32_t a, int32_t b) { return bits(a) + bits(b); });
    case ElementOp::sub:
      return binary(in, out, n, [](int32_t a, int32_t b) { return bits(a) - bits(b); });
    case ElementOp::mul:
      return binary(in, out, n, [](int32_t a, int32_t b) { return bits(a) * bits(b); });
    case ElementOp::maximum:
      return binary(in, out, n, [](int32_t a, int32_t b) { return std::max(a, b); });
    case ElementOp::minimum:
      return binary(in, out, n, [](int32_t a, int32_t b) { return std::min(a, b); });
    case ElementOp::equal:
      return binary(in, out, n, [](int32_t a, int32_t b) { return a == b; });
    case ElementOp::not_equal:
      return binary(in, out, n, [](int32_t a, int32_t b) { return a != b; });
    case ElementOp::less:
      return binary(in, out, n, [](int32_t a, int32_t b) { return a < b; });
    case ElementOp::less_equal:
      return binary(in, out, n, [](int32_t a, int32_t b) { return a <= b; });
    default:
      CHECK(false);  // the rules ask for no other
  }
}

}  // namespace

void apply_integers(ElementOp op, const Operands& in, float* out, size_t n) {
  const auto bound = static_cast<int32_t>(in.immediate);
  switch (op) {
    case ElementOp::copy:
      return unary(in, out, n, [](int32_t a) { return a; });
    case ElementOp::abs:
      return unary(in, out, n, [](int32_t a) { return a < 0 ? 0 - bits(a) : bits(a); });
    case ElementOp::sign:
      return unary(in, out, n, [](int32_t a) { return int32_t(a > 0) - int32_t(a < 0); });
    case ElementOp::square:
      return unary(in, out, n, [](int32_t a) { return bits(a) * bits(a); });
    case ElementOp::at_least:
      return unary(in, out, n, [=](int32_t a) { return std::max(a, bound); });
    case ElementOp::at_most:
      return unary(in, out, n, [=](int32_t a) { return std::min(a, bound); });
    case ElementOp::truth:
      return unary(in, out, n, [](int32_t a) { return a != 0; });
    case ElementOp::to_float:
      return unary(in, out, n, [](int32_t a) { return static_cast<float>(a); });
    default:
      return apply_binary(op, in, out, n);
  }
}

}  // namespace anemone::cpu
