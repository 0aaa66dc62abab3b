// GFLOP/s of bit-exact products at the sizes of Stories110M: linear maps, a head's attention, and sums that need
// checks.
#include <benchmark/benchmark.h>

#include <cmath>
#include <vector>

#include "base/random.h"
#include "device/sim/arithmetic/number.h"
#include "device/sim/kernels/product.h"

namespace anemone::sim {
namespace {

std::vector<Half> random_halves(int64_t count, double scale) {
  Random random(uint64_t(count) + 1);
  std::vector<Half> halves(static_cast<size_t>(count));
  for (Half& h : halves) h = half_away(scale * random.normal());
  return halves;
}

// rows, inner, columns, the magnitude of B
void products(benchmark::State& state) {
  Product p{.rows = state.range(0), .inner = state.range(1), .columns = state.range(2)};
  p.a = {p.inner, 1}, p.b = {p.columns, 1}, p.c = {p.columns, 1};
  const auto a = random_halves(p.rows * p.inner, 0.05);
  const auto b = random_halves(p.inner * p.columns, double(state.range(3)));
  std::vector<Half> c(size_t(p.rows * p.columns));
  std::vector<float> scratch(p.scratch_floats());
  for (auto _ : state) multiply(p, a.data(), b.data(), nullptr, {.halves = c.data()}, scratch.data());
  state.counters["FLOP/s"] =
      benchmark::Counter(2.0 * double(p.rows * p.inner * p.columns), benchmark::Counter::kIsIterationInvariantRate);
}
BENCHMARK(products)
    ->Args({768, 768, 256, 1})
    ->Args({2048, 768, 256, 1})
    ->Args({768, 2048, 256, 1})
    ->Args({256, 64, 256, 1})
    ->Args({768, 768, 256, 4000})
    ->UseRealTime();

}  // namespace
}  // namespace anemone::sim
