// Sums and softmaxes along rows and along columns, by all threads: elements a second.
//
//   build/release/bin/device_bench --benchmark_filter='Softmax|Sum'
#include <benchmark/benchmark.h>

#include "base/random_floats.h"
#include "device/cpu/kernels/reduce.h"

namespace anemone::cpu {
namespace {

// Scores of 12 heads, 256 queries and 256 keys; activations of 768 channels and 256 tokens.
constexpr int64_t kRows = 12 * 256, kKeys = 256, kChannels = 768, kTokens = 256;

void softmax(benchmark::State& state, const Softmax& softmax) {
  const std::vector<float> x = random_floats(kRows * kKeys, 1, 4);
  std::vector<float> out(x.size());
  for (auto _ : state) {
    cpu::softmax(softmax, x.data(), out.data());
    benchmark::ClobberMemory();
  }
  state.SetItemsProcessed(state.iterations() * kRows * kKeys);
}

void sum(benchmark::State& state, const Reduction& reduction) {
  const std::vector<float> x = random_floats(kChannels * kTokens, 1);
  std::vector<float> out(x.size());
  for (auto _ : state) {
    reduce(reduction, x.data(), out.data());
    benchmark::ClobberMemory();
  }
  state.SetItemsProcessed(state.iterations() * kChannels * kTokens);
}

const Softmax kAlongRows{.others = {{kRows}, {{kKeys}, {kKeys}}}, .length = kKeys};
const Softmax kAlongColumns{
    .others = {{kKeys}, {{1}, {1}}}, .length = kRows, .x_stride = kKeys, .out_stride = kKeys, .along_rows = false};
const Reduction kRowSums{ReduceOp::sum, {{kChannels}, {{kTokens}, {1}}}, {{kTokens}, {{1}}}, true};
const Reduction kColumnSums{ReduceOp::sum, {{kTokens}, {{1}, {1}}}, {{kChannels}, {{kTokens}}}, false};

BENCHMARK_CAPTURE(softmax, SoftmaxAlongRows, kAlongRows)->Name("SoftmaxAlongRows")->UseRealTime();
BENCHMARK_CAPTURE(softmax, SoftmaxAlongColumns, kAlongColumns)->Name("SoftmaxAlongColumns")->UseRealTime();
BENCHMARK_CAPTURE(sum, SumOfRows, kRowSums)->Name("SumOfRows")->UseRealTime();
BENCHMARK_CAPTURE(sum, SumOfColumns, kColumnSums)->Name("SumOfColumns")->UseRealTime();

}  // namespace
}  // namespace anemone::cpu
