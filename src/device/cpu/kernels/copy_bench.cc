// Data moved between layouts and element types, by all threads: bytes read and written a second.
//
//   build/release/bin/device_bench --benchmark_filter=Move
#include <benchmark/benchmark.h>

#include "base/random_floats.h"
#include "device/cpu/kernels/copy.h"
#include "device/cpu/kernels/words.h"

namespace anemone::cpu {
namespace {

constexpr int64_t kHeads = 12, kTokens = 256, kDepth = 64, kCount = kHeads * kTokens * kDepth;

void move(benchmark::State& state, const Loops& loops) {
  const std::vector<float> from = random_floats(kCount, 1);
  std::vector<float> to(from.size());
  for (auto _ : state) {
    copy(loops, to.data(), from.data());
    benchmark::ClobberMemory();
  }
  state.SetBytesProcessed(state.iterations() * kCount * 8);
}

void narrow_words(benchmark::State& state, mil::DType dtype) {
  const std::vector<float> from = random_floats(kCount, 1);
  std::vector<std::byte> to(static_cast<size_t>(2 * kCount));
  for (auto _ : state) {
    narrow({{kCount}, {{1}, {1}}}, dtype, to.data(), from.data());
    benchmark::ClobberMemory();
  }
  state.SetBytesProcessed(state.iterations() * kCount * 6);
}

const Loops kSame{{kCount}, {{1}, {1}}};
// [H, S, h] from [H, h, S].
const Loops kTurned{{kHeads, kTokens, kDepth}, {{kTokens * kDepth, kDepth, 1}, {kTokens * kDepth, 1, kTokens}}};

BENCHMARK_CAPTURE(move, MoveInOrder, kSame)->Name("MoveInOrder")->UseRealTime();
BENCHMARK_CAPTURE(move, MoveTurned, kTurned)->Name("MoveTurned")->UseRealTime();
BENCHMARK_CAPTURE(narrow_words, MoveToHalves, mil::DType::fp16)->Name("MoveToHalves")->UseRealTime();
BENCHMARK_CAPTURE(narrow_words, MoveToBFloat16, mil::DType::bf16)->Name("MoveToBFloat16")->UseRealTime();

}  // namespace
}  // namespace anemone::cpu
