// Conversions between floats and halves or bfloat16, on one thread: bytes read and written a second, of blocks that the
// second-level cache holds and of blocks that memory holds.
//
//   build/release/bin/base_bench --benchmark_filter=Half
#include <benchmark/benchmark.h>

#include "base/half.h"
#include "base/random_floats.h"

namespace anemone {
namespace {

constexpr int64_t kCached = 1 << 16, kLarge = 1 << 24;

void set_bytes(benchmark::State& state, size_t bytes_an_element) {
  state.SetBytesProcessed(state.iterations() * state.range(0) * static_cast<int64_t>(bytes_an_element));
}

template <class To>
void narrow(benchmark::State& state, void (*convert)(std::span<const float>, To*)) {
  const std::vector<float> from = random_floats(state.range(0), 1);
  std::vector<To> to(from.size());
  for (auto _ : state) {
    convert(from, to.data());
    benchmark::ClobberMemory();
  }
  set_bytes(state, sizeof(float) + sizeof(To));
}

void to_float(benchmark::State& state) {
  const std::vector<Half> from(static_cast<size_t>(state.range(0)), Half::from(0.3));
  std::vector<float> to(from.size());
  for (auto _ : state) {
    anemone::to_float(from, to.data());
    benchmark::ClobberMemory();
  }
  set_bytes(state, sizeof(float) + sizeof(Half));
}

void round_in_place(benchmark::State& state, void (*round)(std::span<float>)) {
  std::vector<float> values = random_floats(state.range(0), 1);
  for (auto _ : state) {
    round(values);
    benchmark::ClobberMemory();
  }
  set_bytes(state, 2 * sizeof(float));
}

constexpr auto* kNarrowToHalves = narrow<Half>;
constexpr auto* kNarrowToBFloat16s = narrow<BFloat16>;

BENCHMARK_CAPTURE(kNarrowToHalves, FloatToHalf, to_half)->Name("FloatToHalf")->Arg(kCached)->Arg(kLarge);
BENCHMARK_CAPTURE(kNarrowToBFloat16s, FloatToBFloat16, to_bfloat16)->Name("FloatToBFloat16")->Arg(kCached)->Arg(kLarge);
BENCHMARK(to_float)->Name("HalfToFloat")->Arg(kCached)->Arg(kLarge);
BENCHMARK_CAPTURE(round_in_place, RoundToHalf, round_to_half)->Name("RoundToHalf")->Arg(kCached);
BENCHMARK_CAPTURE(round_in_place, RoundToBFloat16, round_to_bfloat16)->Name("RoundToBFloat16")->Arg(kCached);

}  // namespace
}  // namespace anemone
