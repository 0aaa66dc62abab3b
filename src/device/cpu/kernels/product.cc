#include "device/cpu/kernels/product.h"

#include <algorithm>

#include "base/parallel.h"

namespace anemone::cpu {
namespace {

constexpr int64_t kGrain = 16384;            // elements a thread should have at least
constexpr double kWorthwhile = 64.0 * 1024;  // multiplications below which all products are done before threads start
constexpr double kShared = 64.0 * 1024 * 1024;  // multiplications above which one product keeps all threads busy

int64_t bytes_of(Factor factor) { return factor == Factor::bf16 ? 2 : 4; }

bool run_batches_apart(const Gemm& gemm, const Loops& batch) {
  const int64_t batches = batch.count(), threads = thread_count();
  const double work = static_cast<double>(gemm.m) * static_cast<double>(gemm.n) * static_cast<double>(gemm.k);
  if (batches < threads || static_cast<double>(batches) * work < kWorthwhile) return false;
  return batches % threads == 0 || batches >= 4 * threads || work < kShared;
}

// One row of the columns: a tap of a channel at every place.
void gather_row(const Windows& w, const Windows::Dims& tap, const float* x, float* to) {
  Windows::Dims origin;
  for (size_t d = 0; d < 3; ++d) origin[d] = tap[d] * w.dilation[d] - w.before[d];
  const auto inside = [&](size_t d, int64_t at) { return at >= 0 && at < w.size[d]; };
  for (int64_t i = 0; i < w.out[0]; ++i) {
    const int64_t a = origin[0] + i * w.stride[0];
    for (int64_t j = 0; j < w.out[1]; ++j) {
      const int64_t b = origin[1] + j * w.stride[1];
      const bool padding = !inside(0, a) || !inside(1, b);
      const float* row = padding ? nullptr : x + a * w.x_stride[0] + b * w.x_stride[1];
      for (int64_t k = 0; k < w.out[2]; ++k) {
        const int64_t e = origin[2] + k * w.stride[2];
        *to++ = padding || !inside(2, e) ? 0 : row[e * w.x_stride[2]];
      }
    }
  }
}

template <class P, class Plan>
std::shared_ptr<const P> planned(std::vector<std::shared_ptr<const P>>& products, const Plan& plan) {
  const auto found = std::ranges::find_if(products, [&](const auto& product) { return product->plan() == plan; });
  if (found != products.end()) return *found;
  return products.emplace_back(std::make_shared<const P>(plan));
}

}  // namespace

std::shared_ptr<const Product> PlannedProducts::get(const ProductPlan& plan) { return planned(products_, plan); }

std::shared_ptr<const ByteProduct> PlannedProducts::get(const BytePlan& plan) { return planned(byte_products_, plan); }

BatchProduct::BatchProduct(const Gemm& gemm, Factor factors, Factor result, Loops batch, PlannedProducts& products)
    : batch_(std::move(batch)),
      apart_(run_batches_apart(gemm, batch_)),
      factor_bytes_(bytes_of(factors)),
      result_bytes_(bytes_of(result)),
      product_(products.get({gemm, factors, apart_, result})) {}

void BatchProduct::run(const std::byte* a, const std::byte* b, std::byte* c) const {
  const auto run = [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) {
      product_->run(a + batch_.element(0, i) * factor_bytes_, b + batch_.element(1, i) * factor_bytes_,
                    c + batch_.element(2, i) * result_bytes_);
    }
  };
  if (!apart_) return run(0, batch_.count());
  parallel_for(batch_.count(), 1, run);
}

void gather_windows(const Windows& w, const float* x, float* columns) {
  const int64_t grain = std::max<int64_t>(1, kGrain / w.places());
  parallel_for(w.channels * w.taps(), grain, [&](int64_t begin, int64_t end) {
    for (int64_t r = begin; r < end; ++r) {
      const int64_t t = r % w.taps();
      const Windows::Dims tap{t / (w.kernel[1] * w.kernel[2]), t / w.kernel[2] % w.kernel[1], t % w.kernel[2]};
      gather_row(w, tap, x + r / w.taps() * w.channel_stride, columns + r * w.places());
    }
  });
}

}  // namespace anemone::cpu
