// Single-precision matrix product by oneDNN (its sgemm, the same in releases 2 and 3).
#pragma once

#include <cstdint>

namespace anemone {

enum class Transpose : bool { no, yes };

// C[M,N] = beta·C + alpha · op(A)[M,K] · op(B)[K,N], row-major; ld* are the row strides of the matrices as stored.
struct Gemm {
  Transpose trans_a = Transpose::no;
  Transpose trans_b = Transpose::no;
  int64_t m = 0, n = 0, k = 0;
  int64_t lda = 0, ldb = 0, ldc = 0;
  float alpha = 1, beta = 0;
};
void gemm(const Gemm& shape, const float* a, const float* b, float* c);

}  // namespace anemone
