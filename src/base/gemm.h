// Matrix products by oneDNN (releases 2 and 3).
//
//   gemm({.m = M, .n = N, .k = K, .lda = K, .ldb = N, .ldc = N}, a, b, c);          // floats, at once
//
//   const Product product({.gemm = {...}, .factors = Factor::bf16});                 // planned once …
//   product.run(a, b, c);                                                            // … run any number of times
//
//   const ByteProduct bytes({.m = M, .n = N, .k = K});                               // bytes, exact sums of 32 bits
//   const Buffer<std::byte> packed = bytes.pack(b_columns);
//   bytes.run(a, packed, sums);
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "base/buffer.h"

namespace anemone {

class MatmulPrimitive;  // oneDNN's, with what each thread needs to run it

enum class Transpose : bool { no, yes };

// C[M,N] = beta·C + alpha · op(A)[M,K] · op(B)[K,N], row-major; ld* are the row strides of the matrices as stored.
struct Gemm {
  Transpose trans_a = Transpose::no;
  Transpose trans_b = Transpose::no;
  int64_t m = 0, n = 0, k = 0;
  int64_t lda = 0, ldb = 0, ldc = 0;
  float alpha = 1, beta = 0;
  bool operator==(const Gemm&) const = default;
};
void gemm(const Gemm& shape, const float* a, const float* b, float* c);

// "oneDNN 2.6.0"
std::string product_library();

// What the factors of a planned product are stored as, and its result; it accumulates in floats.
enum class Factor : uint8_t { fp32, bf16 };

// Whether the processor multiplies bfloat16 faster than floats (AVX-512 BF16, AMX), so that factors are worth rounding.
bool multiplies_bfloat16();

// Whether the processor multiplies bytes and adds up their products exactly (AVX-512 VNNI). Before VNNI, x86 has only
// instructions that saturate sums of two products at 16 bits.
bool multiplies_bytes();

// Whether sgemm copies its factors into an order of its own, so that their rows may stand anywhere (AVX-512).
bool packs_factors();

// How a product is run: alpha is 1, beta 0 or 1.
struct ProductPlan {
  Gemm gemm;
  Factor factors = Factor::fp32;
  bool on_one_thread = false;    // else by all; what runs inside a parallel loop runs on one
  Factor result = Factor::fp32;  // bf16 only of such factors, with beta 0: a factor of the next product
  bool operator==(const ProductPlan&) const = default;
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
  // The operands point to floats or BFloat16s, as planned.
  void run(const void* a, const void* b, void* c) const;

 private:
  ProductPlan plan_;
  std::unique_ptr<MatmulPrimitive> primitive_;  // for bfloat16
};

// C[M,N] = A[M,K]·B[K,N], A and C packed: exact, as long as the sums of |a + 128|·|b| fit an int32.
struct BytePlan {
  int64_t m = 0, n = 0, k = 0;
  bool a_is_signed = true;  // int8, else uint8; B is int8
  bool operator==(const BytePlan&) const = default;
};

// Where multiplies_bytes(). Runs on the thread that asks for it, and several threads may at once, as with Product.
class ByteProduct {
 public:
  explicit ByteProduct(const BytePlan& plan);
  ~ByteProduct();
  ByteProduct(ByteProduct&&) noexcept;
  ByteProduct& operator=(ByteProduct&&) noexcept;

  const BytePlan& plan() const { return plan_; }
  // B, given by columns [N,K], in the order that multiplies fastest.
  Buffer<std::byte> pack(const int8_t* b_columns) const;
  void run(const void* a, const Buffer<std::byte>& packed, int32_t* c) const;

 private:
  BytePlan plan_;
  std::unique_ptr<MatmulPrimitive> primitive_;
};

}  // namespace anemone
