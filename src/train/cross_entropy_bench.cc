// The loss over a whole vocabulary of 32,000 and 256 tokens, by all threads: logits a second.
//
//   build/release/bin/train_bench --benchmark_filter=CrossEntropy
#include <benchmark/benchmark.h>

#include "base/random_floats.h"
#include "train/cross_entropy.h"

namespace anemone::train {
namespace {

constexpr int64_t kVocab = 32000, kTokens = 256;

std::vector<int32_t> targets() {
  std::vector<int32_t> ids;
  for (int64_t t = 0; t < kTokens; ++t) ids.push_back(static_cast<int32_t>(t * 101 % kVocab));
  return ids;
}

void cross_entropy(benchmark::State& state) {
  const std::vector<float> logits = random_floats(kVocab * kTokens, 1, 4);
  const std::vector<int32_t> ids = targets();
  for (auto _ : state) benchmark::DoNotOptimize(train::cross_entropy(logits.data(), kVocab, ids));
  state.SetItemsProcessed(state.iterations() * kVocab * kTokens);
}

void cross_entropy_backward(benchmark::State& state) {
  const std::vector<float> logits = random_floats(kVocab * kTokens, 1, 4);
  std::vector<float> gradient(logits.size());
  const std::vector<int32_t> ids = targets();
  for (auto _ : state) {
    benchmark::DoNotOptimize(train::cross_entropy_backward(logits.data(), kVocab, ids, 1, gradient.data()));
  }
  state.SetItemsProcessed(state.iterations() * kVocab * kTokens);
}

BENCHMARK(cross_entropy)->Name("CrossEntropy")->UseRealTime();
BENCHMARK(cross_entropy_backward)->Name("CrossEntropyBackward")->UseRealTime();

}  // namespace
}  // namespace anemone::train
