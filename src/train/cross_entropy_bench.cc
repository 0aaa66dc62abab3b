// The loss over a vocabulary of 32,000 and 256 tokens, in blocks of 128 rows by all threads: logits a second.
//
//   build/release/bin/train_bench --benchmark_filter=CrossEntropy
#include <benchmark/benchmark.h>

#include "base/parallel.h"
#include "base/random_floats.h"
#include "train/cross_entropy.h"

namespace anemone::train {
namespace {

constexpr int64_t kVocab = 32000, kTokens = 256, kBlock = 128;

// Calls visit(thread's part, row) for each block of rows.
template <class Visit>
void for_each_block(const Visit& visit) {
  parallel_for(kVocab / kBlock, 1, [&](int64_t begin, int64_t end) {
    for (int64_t b = begin; b < end; ++b) visit(omp_get_thread_num(), b * kBlock);
  });
}

void cross_entropy(benchmark::State& state, bool with_gradient) {
  const std::vector<float> logits = random_floats(kVocab * kTokens, 1, 4);
  std::vector<float> gradient(logits.size());
  std::vector<int32_t> targets;
  for (int64_t t = 0; t < kTokens; ++t) targets.push_back(static_cast<int32_t>(t * 101 % kVocab));
  CrossEntropy loss(kTokens, thread_count());
  for (auto _ : state) {
    loss.begin(targets);
    for_each_block([&](int64_t part, int64_t row) { loss.fold(part, logits.data() + row * kTokens, row, kBlock); });
    benchmark::DoNotOptimize(loss.total());
    if (!with_gradient) continue;
    for_each_block([&](int64_t, int64_t row) {
      loss.gradient(logits.data() + row * kTokens, row, kBlock, 1, gradient.data() + row * kTokens);
    });
  }
  state.SetItemsProcessed(state.iterations() * kVocab * kTokens);
}

BENCHMARK_CAPTURE(cross_entropy, CrossEntropy, false)->Name("CrossEntropy")->UseRealTime();
BENCHMARK_CAPTURE(cross_entropy, CrossEntropyWithGradient, true)->Name("CrossEntropyWithGradient")->UseRealTime();

}  // namespace
}  // namespace anemone::train
