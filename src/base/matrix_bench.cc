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

enum class Move { copy, transpose };

template <class To>
void run(benchmark::State& state, Move move) {
  const std::vector<float> from = random_floats(kRows * kColumns, 1);
  std::vector<To> to(from.size());
  const FloatMatrix matrix{from.data(), kRows, kColumns, kColumns};
  for (auto _ : state) {
    move == Move::copy ? copy(matrix, to.data(), kColumns) : transpose(matrix, to.data(), kRows);
    benchmark::ClobberMemory();
  }
  state.SetBytesProcessed(state.iterations() * kRows * kColumns * static_cast<int64_t>(sizeof(float) + sizeof(To)));
}

constexpr auto* kToFloats = run<float>;
constexpr auto* kToHalves = run<Half>;
constexpr auto* kToBFloat16s = run<BFloat16>;

BENCHMARK_CAPTURE(kToFloats, TransposeFloats, Move::transpose)->Name("TransposeFloats")->UseRealTime();
BENCHMARK_CAPTURE(kToHalves, TransposeToHalves, Move::transpose)->Name("TransposeToHalves")->UseRealTime();
BENCHMARK_CAPTURE(kToBFloat16s, TransposeToBFloat16, Move::transpose)->Name("TransposeToBFloat16")->UseRealTime();
BENCHMARK_CAPTURE(kToFloats, CopyFloats, Move::copy)->Name("CopyFloats")->UseRealTime();
BENCHMARK_CAPTURE(kToHalves, CopyToHalves, Move::copy)->Name("CopyToHalves")->UseRealTime();

}  // namespace
}  // namespace anemone
