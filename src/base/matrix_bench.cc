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
void move(benchmark::State& state, void (*to_surface)(const FloatMatrix&, To*, int64_t), int64_t stride) {
  const std::vector<float> from = random_floats(kRows * kColumns, 1);
  std::vector<To> to(from.size());
  for (auto _ : state) {
    to_surface({from.data(), kRows, kColumns, kColumns}, to.data(), stride);
    benchmark::ClobberMemory();
  }
  state.SetBytesProcessed(state.iterations() * kRows * kColumns * static_cast<int64_t>(sizeof(float) + sizeof(To)));
}

BENCHMARK_CAPTURE(move<float>, TransposeFloats, transpose, kRows)->UseRealTime();
BENCHMARK_CAPTURE(move<Half>, TransposeToHalves, transpose, kRows)->UseRealTime();
BENCHMARK_CAPTURE(move<BFloat16>, TransposeToBFloat16, transpose, kRows)->UseRealTime();
BENCHMARK_CAPTURE(move<float>, CopyFloats, copy, kColumns)->UseRealTime();
BENCHMARK_CAPTURE(move<Half>, CopyToHalves, copy, kColumns)->UseRealTime();

}  // namespace
}  // namespace anemone
