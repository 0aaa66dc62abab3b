// Normally distributed numbers, as weights begin, by all threads: numbers a second.
//
//   build/release/bin/base_bench --benchmark_filter=Normal
#include <benchmark/benchmark.h>

#include <vector>

#include "base/normal.h"

namespace anemone {
namespace {

void normal(benchmark::State& state) {
  std::vector<float> values(1 << 22);
  for (auto _ : state) fill_normal(values, 0.02f, 1);
  state.SetItemsProcessed(state.iterations() * std::ssize(values));
}
BENCHMARK(normal)->Name("FillNormal")->UseRealTime();

}  // namespace
}  // namespace anemone
