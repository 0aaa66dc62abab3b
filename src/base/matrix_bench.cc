// Matrices of a feed-forward layer's size [2048, 768], copied and transposed by all threads: bytes read and written a
// second.
//
//   build/release/bin/base_bench --benchmark_filter=Transpose
#include <benchmark/benchmark.h>

#include "base/matrix.h"
#include "base/random_floats.h"

namespace anemone {
namespace {

constexpr int64_t kRows = 2048, kColumns = 768;

template <class To>
void run(benchmark::State& state, void (*to_surface)(const FloatMatrix&, To*, int64_t), int64_t stride) {
  const std::vector<float> from = random_floats(kRows * kColumns, 1);
  std::vector<To> to(from.size());
  for (auto _ : state) {
    to_surface({from.data(), kRows, kColumns, kColumns}, to.data(), stride);
    benchmark::ClobberMemory();
  }
  state.SetBytesProcessed(state.iterations() * kRows * kColumns * static_cast<int64_t>(sizeof(float) + sizeof(To)));
}

auto* const to_floats = run<float>;
auto* const to_halves = run<Half>;
auto* const to_bfloat16s = run<BFloat16>;

BENCHMARK_CAPTURE(to_floats, TransposeFloats, transpose, kRows)->Name("TransposeFloats")->UseRealTime();
BENCHMARK_CAPTURE(to_halves, TransposeToHalves, transpose, kRows)->Name("TransposeToHalves")->UseRealTime();
BENCHMARK_CAPTURE(to_bfloat16s, TransposeToBFloat16, transpose, kRows)->Name("TransposeToBFloat16")->UseRealTime();
BENCHMARK_CAPTURE(to_floats, CopyFloats, copy, kColumns)->Name("CopyFloats")->UseRealTime();
BENCHMARK_CAPTURE(to_halves, CopyToHalves, copy, kColumns)->Name("CopyToHalves")->UseRealTime();

}  // namespace
}  // namespace anemone
