#include "bench/limit.h"

#include <algorithm>
#include <limits>

#include "base/half.h"
#include "base/parallel.h"
#include "train/metrics.h"

namespace anemone::bench {
namespace {

using Weights = StepProduct::Weights;

constexpr int64_t kBeyondCaches = int64_t{64} << 20;  // bytes

int64_t bytes_of(Factor factor) { return factor == Factor::bf16 ? sizeof(BFloat16) : sizeof(float); }

// An operand as it is stored.
struct Stored {
  int64_t rows, ld;
  int64_t count() const { return rows * ld; }
};
Stored left(const Gemm& g) { return {g.trans_a == Transpose::yes ? g.k : g.m, g.lda}; }
Stored right(const Gemm& g) { return {g.trans_b == Transpose::yes ? g.n : g.k, g.ldb}; }
Stored result(const Gemm& g) { return {g.m, g.ldc}; }

// Where the i-th of those at once stands: sequences beside, heads below each other.
int64_t offset(const StepProduct& p, const Stored& stored, int64_t i) {
  if (p.at_once == 1) return 0;
  const int64_t beside = stored.ld / p.columns;
  return i / beside * stored.count() + i % beside * p.columns;
}

// Elements that all copies, or all of those at once, take.
int64_t extent(const StepProduct& p, const Stored& stored, int64_t copies) {
  return p.at_once == 1 ? copies * stored.count() : offset(p, stored, p.at_once - 1) + stored.count();
}

// Small numbers of which no product over- or underflows; the same bytes serve as floats and as bfloat16.
void fill(Buffer<std::byte>& memory, Factor factor) {
  if (factor == Factor::bf16) {
    std::ranges::fill(std::span(reinterpret_cast<BFloat16*>(memory.data()), memory.size() / 2), BFloat16::from(0.01f));
  } else {
    std::ranges::fill(std::span(reinterpret_cast<float*>(memory.data()), memory.size() / 4), 0.01f);
  }
}

template <class T>
void grow(Buffer<T>& memory, int64_t count) {
  if (std::ssize(memory.span()) < count) memory = Buffer<T>(static_cast<size_t>(count));
}

}  // namespace

Limit::Limit(std::vector<StepProduct> products, int64_t parameters, Precision precision)
    : factor_(precision == Precision::bf16 && multiplies_bfloat16() ? Factor::bf16 : Factor::fp32),
      parameters_(parameters) {
  for (StepProduct& product : products) planned_.push_back(plan(std::move(product)));
  fill(left_, factor_);
  fill(right_, factor_);
}

Limit::Planned Limit::plan(StepProduct product) {
  const Gemm& g = product.gemm;
  const int64_t size = bytes_of(factor_);
  const bool weights_left = product.weights == Weights::left, weights_result = product.weights == Weights::result;
  const int64_t weights = weights_left ? left(g).count() * size : result(g).count() * int64_t{sizeof(float)};
  const int64_t copies = std::min(product.times, std::max<int64_t>(2, kBeyondCaches / weights));
  grow(left_, size * extent(product, left(g), weights_left ? copies : 1));
  grow(right_, size * extent(product, right(g), 1));
  grow(result_, extent(product, result(g), weights_result ? copies : 1));
  Product multiply({.gemm = g, .factors = factor_, .on_one_thread = product.at_once > 1});
  return {std::move(product), std::move(multiply), copies, std::numeric_limits<double>::infinity()};
}

// Seconds of one.
double Limit::time(const Planned& planned) {
  const StepProduct& p = planned.product;
  const Stored a = left(p.gemm), b = right(p.gemm), c = result(p.gemm);
  const auto run = [&](int64_t at_a, int64_t at_b, int64_t at_c) {
    const int64_t size = bytes_of(factor_);
    planned.multiply.run(left_.data() + at_a * size, right_.data() + at_b * size, result_.data() + at_c);
  };
  const train::Stopwatch watch;
  for (int64_t i = 0; i < planned.copies; ++i) {
    if (p.at_once == 1) {
      run(p.weights == Weights::left ? i * a.count() : 0, 0, p.weights == Weights::result ? i * c.count() : 0);
      continue;
    }
    parallel_for(p.at_once, 1, [&](int64_t begin, int64_t end) {
      for (int64_t j = begin; j < end; ++j) run(offset(p, a, j), offset(p, b, j), offset(p, c, j));
    });
  }
  return watch.seconds() / static_cast<double>(planned.copies * p.at_once);
}

void Limit::measure() {
  for (Planned& planned : planned_) {
    time(planned);  // wakes the threads and brings the activations to the caches
    planned.best = std::min(planned.best, time(planned));
  }
  const Bandwidth now = measure_bandwidth({.passes = 3});  // each time
  memory_ = {.read = std::max(memory_.read, now.read), .copy = std::max(memory_.copy, now.copy)};
}

std::vector<Limit::Entry> Limit::products() const {
  std::vector<Entry> entries;
  for (const Planned& planned : planned_) {
    entries.push_back({planned.product, planned.best * static_cast<double>(planned.product.times)});
  }
  return entries;
}

double Limit::product_seconds() const {
  double total = 0;
  for (const Entry& entry : products()) total += entry.seconds;
  return total;
}

double Limit::optimizer_seconds() const { return static_cast<double>(parameters_ * kOptimizerBytes) / memory_.copy; }

double Limit::flops() const {
  double total = 0;
  for (const Planned& planned : planned_) total += planned.product.flops();
  return total;
}

}  // namespace anemone::bench
