// Training's host operations on activations of 768 channels, 2048 hidden ones and 256 tokens, by all threads: elements
// a second.
//
//   build/release/bin/train_bench --benchmark_filter=Norm
#include <benchmark/benchmark.h>

#include "base/random_floats.h"
#include "train/host_ops.h"

namespace anemone::train {
namespace {

constexpr int64_t kDim = 768, kHidden = 2048, kTokens = 256;
constexpr float kEps = 1e-5f;

void rmsnorm(benchmark::State& state) {
  const std::vector<float> x = random_floats(kDim * kTokens, 1), w = random_floats(kDim, 2);
  std::vector<float> y(x.size());
  for (auto _ : state) {
    train::rmsnorm(x.data(), w.data(), kDim, kTokens, kEps, y.data());
    benchmark::ClobberMemory();
  }
  state.SetItemsProcessed(state.iterations() * kDim * kTokens);
}

void rmsnorm_backward(benchmark::State& state) {
  const std::vector<float> x = random_floats(kDim * kTokens, 1), w = random_floats(kDim, 2);
  const std::vector<float> dy = random_floats(kDim * kTokens, 3);
  std::vector<float> dx(x.size()), dw(w.size()), scratch(2 * kTokens);
  for (auto _ : state) {
    train::rmsnorm_backward(x.data(), w.data(), dy.data(), kDim, kTokens, kEps, Into::assign, dx.data(), dw.data(),
                            scratch.data());
    benchmark::ClobberMemory();
  }
  state.SetItemsProcessed(state.iterations() * kDim * kTokens);
}

void silu_gate_backward(benchmark::State& state) {
  const std::vector<float> h1 = random_floats(kHidden * kTokens, 1), h3 = h1, dg = h1;
  std::vector<float> dh1(h1.size()), dh3(h1.size());
  for (auto _ : state) {
    train::silu_gate_backward(h1.data(), h3.data(), dg.data(), kHidden * kTokens, dh1.data(), dh3.data());
    benchmark::ClobberMemory();
  }
  state.SetItemsProcessed(state.iterations() * kHidden * kTokens);
}

BENCHMARK(rmsnorm)->Name("RmsNorm")->UseRealTime();
BENCHMARK(rmsnorm_backward)->Name("RmsNormBackward")->UseRealTime();
BENCHMARK(silu_gate_backward)->Name("SiluGateBackward")->UseRealTime();

}  // namespace
}  // namespace anemone::train
