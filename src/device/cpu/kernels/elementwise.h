// Elementwise functions over contiguous floats.
//
//   apply(ElementOp::mul, {.a = x, .b = y}, out, n);      // out[i] = x[i] · y[i]
//
// Errors: exp 1 ulp, log, tanh and the sigmoids 4, what has no vector form that of the C library's double rounded to
// float, the rest correctly rounded; infinities and NaNs go through as in IEEE 754, NaN wins in maxima and minima.
#pragma once

#include <cstddef>
#include <cstdint>

#include "device/cpu/kernels/rounding.h"

namespace anemone::cpu {

enum class ElementOp : uint8_t {
  // of a, in vectors
  copy,
  abs,
  sign,
  square,
  exp,
  sqrt,
  tanh,
  log,      // ln(a + immediate)
  rsqrt,    // 1 / sqrt(a + immediate)
  inverse,  // 1 / (a + immediate)
  floor,
  ceil,
  round,  // half to even
  relu,
  sigmoid,
  silu,
  gelu_tanh,     // x/2·(1 + tanh(√(2/π)·(x + 0.044715·x³)))
  gelu_sigmoid,  // x·sigmoid(1.702·x)
  at_least,      // max(a, immediate)
  at_most,       // min(a, immediate)
  truth,         // a ≠ 0
  is_zero,
  // of a, element by element
  exp2,
  sin,
  cos,
  tan,
  asin,
  acos,
  atan,
  sinh,
  cosh,
  atanh,
  erf,
  gelu,        // x/2·(1 + erf(x/√2))
  to_integer,  // toward zero, saturating; NaN is 0
  to_float,    // of integers
  // of a and b, in vectors
  add,
  sub,
  mul,
  div,
  maximum,
  minimum,
  equal,
  not_equal,
  less,
  less_equal,
  // of a and b, element by element
  floor_div,
  mod,
  pow,
  // a ? b : c, of any words
  select,
};

struct Operands {
  const float* a;
  const float* b = nullptr;
  const float* c = nullptr;
  float immediate = 0;
};

// What compares gives 1 or 0.
void apply(ElementOp op, const Operands& operands, float* out, size_t count);

// The same of integers, as words.h holds them: copy, abs, sign, square, at_least, at_most, truth, to_float, add, sub
// and mul, which wrap, maximum, minimum and comparisons.
void apply_integers(ElementOp op, const Operands& operands, float* out, size_t count);

}  // namespace anemone::cpu
