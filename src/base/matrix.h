// Moves matrices between the host's layout and the surfaces of devices: transposed, widened or narrowed, and into
// columns of a wider matrix.
//
//   // W1 [H, D] as W1ᵀ [D, H] into columns [2S, 2S + H) of a surface of halves `width` wide
//   transpose({w1, H, D, D}, surface + 2 * S, width);
//   copy({x, D, T, T}, surface, width);                // x [D, T] into its first columns
//
// To halves and bfloat16, each value is rounded once, to nearest even.
#pragma once

#include <cstddef>
#include <cstdint>

#include "base/half.h"

namespace anemone {

// A row-major matrix, or columns of a wider one.
template <class T>
struct MatrixView {
  const T* data;
  int64_t rows;
  int64_t columns;
  int64_t stride;  // elements from one row to the next
};
using FloatMatrix = MatrixView<float>;
using HalfMatrix = MatrixView<Half>;

// How the destination is written: through the caches, or past them, for what is not read soon and would first be
// fetched (a third of the traffic). Only whole cache lines go past them.
enum class Stores : bool { cached, streamed };

// What lies packed, by all threads.
void copy_bytes(const void* from, size_t bytes, void* to);

// to(c, r) = from(r, c); rows of `to` are `stride` elements apart.
void transpose(const FloatMatrix& from, float* to, int64_t stride, Stores stores = Stores::cached);
void transpose(const FloatMatrix& from, Half* to, int64_t stride, Stores stores = Stores::cached);
void transpose(const FloatMatrix& from, BFloat16* to, int64_t stride, Stores stores = Stores::cached);

// to(r, c) = from(r, c).
void copy(const FloatMatrix& from, float* to, int64_t stride, Stores stores = Stores::cached);
void copy(const FloatMatrix& from, Half* to, int64_t stride, Stores stores = Stores::cached);
void copy(const FloatMatrix& from, BFloat16* to, int64_t stride, Stores stores = Stores::cached);
void copy(const HalfMatrix& from, float* to, int64_t stride);

}  // namespace anemone
