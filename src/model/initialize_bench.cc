// The first values of the weights of stories15m, by all threads: parameters a second.
//
//   build/release/bin/model_bench
#include <benchmark/benchmark.h>

#include "model/initialize.h"

namespace anemone::model {
namespace {

void initialize(benchmark::State& state, InitScheme scheme) {
  const Config config = *find_config("stories15m");
  Parameters weights(config);
  for (auto _ : state) model::initialize(weights, config, 42, scheme);
  state.SetItemsProcessed(state.iterations() * std::ssize(weights.all()));
}

BENCHMARK_CAPTURE(initialize, InitializeStandard, InitScheme::standard)->Name("InitializeStandard")->UseRealTime();
BENCHMARK_CAPTURE(initialize, InitializeAsSeed, InitScheme::train_large)->Name("InitializeAsSeed")->UseRealTime();

}  // namespace
}  // namespace anemone::model
