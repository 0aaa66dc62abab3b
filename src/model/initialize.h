// The first values of a model's weights.
//
//   Parameters weights(config);
//   initialize(weights, config, 42);                              // ours
//   initialize(weights, config, 42, InitScheme::train_large);     // the seed's program of that name, bit for bit
#pragma once

#include <cstdint>

#include "model/config.h"
#include "model/parameters.h"

namespace anemone::model {

enum class InitScheme {
  // Normal with deviation √(2/(5D)) ("small init", Nguyen and Salazar 2019, section 2.2; 0.023 at D = 768, where GPT-2
  // has 0.02), divided by √(2L) for the two projections into the residual stream, wo and w2, so that its variance does
  // not grow with depth (GPT-2, section 2.3). Each tensor draws from a stream of its own, so the values depend on
  // neither threads nor order.
  standard,
  // The seed's: uniform, drawn in order from drand48 after srand48(seed); see initialize.cc for each one's habits.
  train_large,
  train_large_ane,
  dynamic,
};

// Norm weights become 1, everything else random. `config` is the one `weights` was made for.
void initialize(Parameters& weights, const Config& config, uint64_t seed, InitScheme scheme = InitScheme::standard);

}  // namespace anemone::model
