// Products of a matrix with a few columns, at the speed at which memory yields the matrix.
//
//   const Matvec product{.dtype = mil::DType::fp16, .rows = M, .inner = K, .stride = K};
//   multiply(product, w, x, y);                                     // y[M] = W[M, K]·x[K]
//
// The matrix stays in its 16 or 32 bits an element; what is multiplied and added are floats. An element of the result
// has the same bits whatever the number of threads, rows and columns.
#pragma once

#include <cstddef>
#include <cstdint>

#include "device/loops.h"
#include "mil/type.h"

namespace anemone::cpu {

// Y[rows, columns] = W[rows, inner] · X[inner, columns] at each place of `batch`.
struct Matvec {
  mil::DType dtype = mil::DType::fp32;  // of W: fp32, fp16 or bf16
  bool transposed = false;              // Wᵀ [inner, rows] is what is stored, and y_row is 1
  int64_t rows = 0, inner = 0, columns = 1;
  int64_t stride = 0;                 // between the rows of W, or of Wᵀ, each of which stands together
  int64_t x_column = 0;               // between the columns of X, each of which stands together
  int64_t y_row = 1, y_column = 0;    // between the elements of Y
  Loops batch{{1}, {{0}, {0}, {0}}};  // operands: W, X, Y
};

void multiply(const Matvec& product, const void* w, const float* x, float* y);

}  // namespace anemone::cpu
