// Products of bytes whose sums become floats, or bytes again: pointwise convolutions between quantised values.
//
//   const ScaledByteProduct product({.rows = P, .columns = N, .inner = K, .scaling = …}, w, products);
//   product.run(x, scratch, y);            // y[P, N] from x[P, K] and w[N, K]; scratch: product.scratch_bytes()
//
// The sums are exact. A block of rows at a time, its sums go on while they are in the second-level cache.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "device/cpu/kernels/product.h"
#include "device/cpu/kernels/rounding.h"

namespace anemone::cpu {

// y = factor·(sum + correction) + bias, a number for each column.
struct SumScaling {
  std::vector<int32_t> correction;
  std::vector<float> factor, bias;
  Rounding rounding = Rounding::none;  // of y
};

// clamp(round(y / scale) + zero_point), halves to even; a number for each column.
struct Quantization {
  Quantization(std::vector<float> scales, std::vector<int32_t> zero_points, bool to_signed);
  std::vector<float> scale;
  std::vector<int32_t> zero_point;
  std::vector<float> inverse;  // 1 / scale where all of them are powers of two, else empty
  bool is_signed;              // int8, else uint8
};

// `count` sums, a row of a result, to floats before rounding, and to bytes.
void scale_sums(const SumScaling& scaling, const int32_t* sums, size_t count, float* y);
void quantize_sums(const SumScaling& scaling, const Quantization& quantization, const int32_t* sums, size_t count,
                   std::byte* to);

struct ByteProductPlan {
  int64_t rows = 0, columns = 0, inner = 0;
  bool x_is_signed = true;  // int8, else uint8
  SumScaling scaling;
  std::optional<Quantization> quantization = std::nullopt;  // where y is bytes
};

// Run by all threads, as many as when it was planned, where multiplies_bytes().
class ScaledByteProduct {
 public:
  ScaledByteProduct(ByteProductPlan plan, const int8_t* w, PlannedProducts& products);
  size_t scratch_bytes() const { return size_t(threads_) * scratch_of_thread(); }
  void run(const std::byte* x, std::byte* scratch, std::byte* y) const;

 private:
  size_t scratch_of_thread() const;
  void run_block(int64_t row, const std::byte* x, std::byte* scratch, std::byte* y) const;
  void finish_row(const int32_t* sums, std::byte* y) const;

  ByteProductPlan plan_;
  int64_t block_;  // rows
  int threads_;
  std::shared_ptr<const ByteProduct> product_;
  Buffer<std::byte> w_;
};

}  // namespace anemone::cpu
