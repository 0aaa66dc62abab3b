// A factor of the host's products as the run's precision has it: the floats themselves or, at bf16, rounded.
//
//   Operand dy(precision), x(precision);
//   dy.assign(gradient);
//   x.assign(activations);
//   const Product product({.gemm = {...}, .factors = factors_at(precision)});
//   product.run(dy.data(), x.data(), dw);
//
// Where the processor does not multiply bfloat16, bf16 multiplies floats that were rounded to it: the same numbers.
#pragma once

#include <cstddef>
#include <span>

#include "base/buffer.h"
#include "base/gemm.h"
#include "base/half.h"
#include "device/device.h"

namespace anemone::train {

Factor factors_at(Precision precision);

class Operand {
 public:
  explicit Operand(Precision precision = Precision::fp32) : precision_(precision) {}

  // Refers to the values or, at bf16, rounds them into memory of its own, which it allocates only to grow.
  void assign(std::span<const float> values);
  // Values [first, first + count) of those assigned have changed. On the calling thread, which others may join
  // elsewhere.
  void update(size_t first, size_t count);
  // From element `first` on, for products with factors_at(precision).
  const void* data(size_t first = 0) const;

 private:
  Precision precision_;
  std::span<const float> values_;
  Buffer<BFloat16> halves_;  // where the processor multiplies them
  Buffer<float> rounded_;    // where it does not
};

}  // namespace anemone::train
