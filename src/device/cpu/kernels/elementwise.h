// Elementwise functions over contiguous floats.
//
//   apply(ElementOp::mul, {.a = x, .b = y}, out, n);      // out[i] = x[i] · y[i]
//
// Errors: exp 1 ulp, log, tanh and the sigmoids 4, pow that of std::pow, the rest correctly rounded; infinities and
// NaNs go through as in IEEE 754.
#pragma once

#include <cstddef>
#include <cstdint>

#include "device/cpu/kernels/rounding.h"

namespace anemone::cpu {

enum class ElementOp : uint8_t {
  // of a
  copy,
  abs,
  square,
  exp,
  sqrt,
  tanh,
  log,      // ln(a + immediate)
  rsqrt,    // 1 / sqrt(a + immediate)
  inverse,  // 1 / (a + immediate)
  relu,
  sigmoid,
  silu,
  // of a and b
  add,
  sub,
  mul,
  div,
  pow,
  maximum,
  minimum,
};

struct Operands {
  const float* a;
  const float* b = nullptr;
  float immediate = 0;
};

void apply(ElementOp op, const Operands& operands, float* out, size_t count);

}  // namespace anemone::cpu
