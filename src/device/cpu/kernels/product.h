// Matrix products over batches, and the columns that turn a convolution into one.
#pragma once

#include <array>
#include <cstddef>
#include <memory>
#include <vector>

#include "base/gemm.h"
#include "device/loops.h"

namespace anemone::cpu {

// Products that run one after another: equal ones are planned once, and so work in the same memory, which stays in the
// caches (Zen 4, 128 products of 256×64×256 bfloat16s, each: 22.5 µs against 25.6).
class PlannedProducts {
 public:
  std::shared_ptr<const Product> get(const ProductPlan& plan);
  std::shared_ptr<const ByteProduct> get(const BytePlan& plan);

 private:
  std::vector<std::shared_ptr<const Product>> products_;
  std::vector<std::shared_ptr<const ByteProduct>> byte_products_;
};

// c_i = op(a_i) · op(b_i) at each place of `batch`: many small products run a thread each; few or large ones with all
// threads together.
class BatchProduct {
 public:
  // Operands of `batch`: a, b, c.
  BatchProduct(const Gemm& gemm, Factor factors, Factor result, Loops batch, PlannedProducts& products);
  // a and b point to elements of `factors`, c to those of `result`.
  void run(const std::byte* a, const std::byte* b, std::byte* c) const;

 private:
  Loops batch_;
  bool apart_;
  int64_t factor_bytes_, result_bytes_;
  std::shared_ptr<const Product> product_;
};

// The windows of an image [channels, D…] with three spatial dimensions, missing outer ones of size 1.
struct Windows {
  using Dims = std::array<int64_t, 3>;
  int64_t channels, channel_stride;
  Dims size, x_stride;  // of the image, in elements
  Dims kernel, stride, dilation, before, out;

  int64_t taps() const { return kernel[0] * kernel[1] * kernel[2]; }
  int64_t places() const { return out[0] * out[1] * out[2]; }
};

// columns[channel·taps + tap, place] = the image under that tap at that place, 0 in the padding.
void gather_windows(const Windows& windows, const float* x, float* columns);

}  // namespace anemone::cpu
