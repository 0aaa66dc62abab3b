// The optimizer's arithmetic on one thread: bytes read and written a second, of what the second-level cache holds and
// of what memory holds.
//
//   build/release/bin/train_bench --benchmark_filter=AdamW
#include <benchmark/benchmark.h>

#include <algorithm>

#include "base/buffer.h"
#include "train/adamw.h"

namespace anemone::train {
namespace {

constexpr int64_t kCached = 1 << 14, kLarge = 1 << 23;

void adamw(benchmark::State& state) {
  const int64_t count = state.range(0);
  const auto n = static_cast<size_t>(count);
  Buffer<float> w(n), gradient(n), m(n), v(n);
  const AdamWCoefficients k{0.9f, 0.95f, 1e-8f, 1, 1e-3f, 1, 1e-4f};
  for (auto _ : state) {
    train::adamw(k, {w.data(), gradient.data(), m.data(), v.data()}, count);
    benchmark::ClobberMemory();
  }
  constexpr int64_t kBytes = 7 * sizeof(float);  // four are read, three written
  state.SetBytesProcessed(state.iterations() * count * kBytes);
}

void sum_of_squares(benchmark::State& state) {
  const int64_t count = state.range(0);
  Buffer<float> x(static_cast<size_t>(count));
  std::ranges::fill(x, 1.0f);  // else all of it is one page of zeros
  for (auto _ : state) benchmark::DoNotOptimize(train::sum_of_squares(x.data(), count));
  state.SetBytesProcessed(state.iterations() * count * static_cast<int64_t>(sizeof(float)));
}

BENCHMARK(adamw)->Name("AdamW")->Arg(kCached)->Arg(kLarge);
BENCHMARK(sum_of_squares)->Name("SumOfSquares")->Arg(kCached)->Arg(kLarge);

}  // namespace
}  // namespace anemone::train
