// Reductions, running sums and softmax over strided floats.
#pragma once

#include "device/loops.h"

namespace anemone::cpu {

enum class ReduceOp : uint8_t { sum, mean, product, maximum, minimum };

// out = the reduction of x over every dimension of `reduced`, at each place of `kept`.
struct Reduction {
  ReduceOp op;
  Loops kept;               // operands: x, out
  Loops reduced;            // operand: x
  bool along_rows = false;  // x's innermost dimension is a reduced one
};

// Sums are gathered in partial sums, so that errors grow with the logarithm of the length rather than with it.
void reduce(const Reduction& reduction, const float* x, float* out);

// e^(x − max) / Σ along `length` elements, at each place of `others`.
struct Softmax {
  Loops others;  // operands: x, out
  int64_t length = 1;
  int64_t x_stride = 1, out_stride = 1;  // along the axis
  bool along_rows = true;  // both strides are 1; else both operands are contiguous along the innermost of `others`
};

void softmax(const Softmax& softmax, const float* x, float* out);

// Where along `length` elements the largest or smallest stands, at each place of `others`: the first of equals as the
// bits of an int32. NaN wins.
struct Choice {
  Loops others;  // operands: x, out
  int64_t length = 1, stride = 1;
  bool largest = true;
};

void choose(const Choice& choice, const float* x, float* out);

// out_i = Σ x_j over j ≤ i, or over j < i, along `length` elements, at each place of `others`.
struct Cumulation {
  Loops others;  // operands: x, out
  int64_t length = 1;
  int64_t x_stride = 1, out_stride = 1;
  bool exclusive = false;
};

void cumulate(const Cumulation& cumulation, const float* x, float* out);

}  // namespace anemone::cpu
