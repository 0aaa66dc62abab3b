// Causal attention of twelve heads of 64, forward and backward.
#include <benchmark/benchmark.h>

#include "base/random_floats.h"
#include "device/cpu/kernels/attention.h"

namespace anemone::cpu {
namespace {

constexpr int64_t kHeads = 12, kDepth = 64;

void run(benchmark::State& state, Factor factors, bool backward) {
  const int64_t tokens = state.range(0);
  const Attention attention({.heads = kHeads,
                             .queries = tokens,
                             .keys = tokens,
                             .depth = kDepth,
                             .scale = 0.125f,
                             .causal = true,
                             .factors = factors,
                             .backward = backward});
  const std::vector<float> x = random_floats(kHeads * kDepth * tokens, 1, 1);
  std::vector<float> a(x.size()), b(x.size()), c(x.size()), scratch(size_t(attention.scratch_floats()));
  const std::array<int64_t, 4> strides{kHeads * kDepth * tokens, kDepth * tokens, 1, tokens};
  const ConstHeads in{x.data(), strides};
  for (auto _ : state) {
    if (backward) {
      attention.backward(in, in, in, in, {{a.data(), strides}, {b.data(), strides}, {c.data(), strides}},
                         scratch.data());
    } else {
      attention.forward(in, in, in, {a.data(), strides}, scratch.data());
    }
  }
  const double products = backward ? 5 : 2, half = double(tokens) * double(tokens + 1) / 2;
  state.counters["GFLOP/s"] = benchmark::Counter(products * 2e-9 * half * double(kHeads * kDepth),
                                                 benchmark::Counter::kIsIterationInvariantRate);
}

BENCHMARK_CAPTURE(run, forward_fp32, Factor::fp32, false)->Arg(256)->Arg(1024)->UseRealTime();
BENCHMARK_CAPTURE(run, forward_bf16, Factor::bf16, false)->Arg(256)->Arg(1024)->UseRealTime();
BENCHMARK_CAPTURE(run, backward_fp32, Factor::fp32, true)->Arg(256)->Arg(1024)->UseRealTime();
BENCHMARK_CAPTURE(run, backward_bf16, Factor::bf16, true)->Arg(256)->Arg(1024)->UseRealTime();

}  // namespace
}  // namespace anemone::cpu
