// Matrix products in the engine's accumulator, bit for bit as arithmetic/accumulator.h says, in vectors.
//
//   Product p{.rows = 768, .inner = 768, .columns = 256};
//   p.a = {768, 1};  p.b = {256, 1};  p.c = {256, 1};                  // strides in elements
//   std::vector<float> scratch(p.scratch_floats());
//   multiply(p, a, b, nullptr, {.halves = c}, scratch.data());          // c[m, n] = Σ_k a[m, k]·b[k, n]
//
// The terms of a sum come in the order of k, on which only overflow depends.
#pragma once

#include <cstddef>
#include <cstdint>

#include "base/half.h"

namespace anemone::sim {

struct Strides {
  int64_t row = 0, column = 1;
};

enum class Terms {
  fixed_point,  // in units of 2^-16, small ones dropped
  integers,     // of whole numbers, whose products are whole: int8 values
};

struct Product {
  int64_t rows = 0, inner = 0, columns = 0;
  Strides a{}, b{}, c{};
  Terms terms = Terms::fixed_point;

  size_t scratch_floats() const;
};

// Where results go: rounded to halves, or as sums in units of the terms, infinite where they overflowed.
struct Result2D {
  Half* halves = nullptr;
  double* sums = nullptr;
};

// `bias` is the first value of each row's sums; one a row, or null.
void multiply(const Product& p, const Half* a, const Half* b, const Half* bias, const Result2D& c, float* scratch);

}  // namespace anemone::sim
