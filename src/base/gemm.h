// Matrix products by oneDNN (releases 2 and 3).
//
//   gemm({.m = M, .n = N, .k = K, .lda = K, .ldb = N, .ldc = N}, a, b, c);          // floats, at once
//
//   const Product product({.gemm = {...}, .factors = Factor::bf16});                 // planned once …
//   product.run(a, b, c);                                                            // … run any number of times
#pragma once

#include <cstdint>
#include <memory>

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

// What the factors of a planned product are stored as; it accumulates in floats, which the result is.
enum class Factor : uint8_t { fp32, bf16 };

// Whether the processor multiplies bfloat16 faster than floats (AVX-512 BF16, AMX), so that factors are worth rounding.
bool multiplies_bfloat16();

// Whether sgemm copies its factors into an order of its own, so that their rows may stand anywhere (AVX-512).
bool packs_factors();

// How a product is run: alpha is 1, beta 0 or 1.
struct ProductPlan {
  Gemm gemm;
  Factor factors = Factor::fp32;
  bool on_one_thread = false;  // else by all; what runs inside a parallel loop runs on one
};

// The threads of a parallel loop may run one product at once if it was planned for one thread; there are no more of
// them than when it was planned. Runs allocate nothing but what oneDNN does.
class Product {
 public:
  explicit Product(const ProductPlan& plan);
  ~Product();
  Product(Product&&) noexcept;
  Product& operator=(Product&&) noexcept;

  const ProductPlan& plan() const { return plan_; }
  // a and b point to floats or BFloat16s, as planned.
  void run(const void* a, const void* b, float* c) const;

 private:
  struct Primitive;  // oneDNN's, for bfloat16
  ProductPlan plan_;
  std::unique_ptr<Primitive> primitive_;
};

}  // namespace anemone
