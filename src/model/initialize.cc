#include "model/initialize.h"

#include <algorithm>
#include <cmath>

#include "base/normal.h"
#include "base/parallel.h"
#include "base/random.h"

namespace anemone::model {
namespace {

constexpr float kSeedEmbedding = 0.02F;  // scale of its uniform draws

void fill_norms(Parameters& weights) {
  for (const TensorInfo& tensor : weights.tensors()) {
    if (tensor.is_norm()) std::ranges::fill(weights.tensor(tensor), 1.0F);
  }
}

// 1/√(2L): L layers add two terms each to the residual stream.
float residual_factor(const Config& config) { return 1 / std::sqrt(2 * static_cast<float>(config.layers)); }

void initialize_standard(Parameters& weights, const Config& config, uint64_t seed) {
  Random streams(seed);
  const float small = std::sqrt(2.0F / (5.0F * static_cast<float>(config.dim)));
  for (const TensorInfo& tensor : weights.tensors()) {
    const uint64_t stream = streams.next_bits();
    const bool residual = tensor.name.ends_with(".wo.weight") || tensor.name.ends_with(".w2.weight");
    const float deviation = residual ? small * residual_factor(config) : small;
    if (!tensor.is_norm()) fill_normal(weights.tensor(tensor), deviation, stream);
  }
}

// A matrix and the scale of its draws.
struct Scaled {
  std::span<float> values;
  float scale = 0;
};

// The seed's draws: U(−1, 1) in double, times a float scale, stored as float. Threads begin where their values' draws
// stand in the one sequence.
class SeedDraws {
 public:
  explicit SeedDraws(uint64_t seed) : random_(static_cast<uint32_t>(seed)) {}

  void fill(Scaled a) { fill_interleaved(a, {}); }

  // a[0], b[0], a[1], b[1], …; what is longer goes on alone (grouped queries, which the seed never initialises so).
  void fill_interleaved(Scaled a, Scaled b) {
    const size_t pairs = std::min(a.values.size(), b.values.size()), total = std::max(a.values.size(), b.values.size());
    parallel_for(static_cast<int64_t>(total), kDrawGrain, [&](int64_t begin, int64_t end) {
      const auto first = static_cast<size_t>(begin), last = static_cast<size_t>(end);
      Drand48 random = random_;
      random.skip(first + std::min(first, pairs));
      for (size_t i = first; i < std::min(last, pairs); ++i) {
        a.values[i] = draw(random, a.scale);
        b.values[i] = draw(random, b.scale);
      }
      const Scaled rest = a.values.size() > pairs ? a : b;
      for (size_t i = std::max(first, pairs); i < last; ++i) rest.values[i] = draw(random, rest.scale);
    });
    random_.skip(total + pairs);
  }

 private:
  static constexpr int64_t kDrawGrain = 1 << 14;

  static float draw(Drand48& random, float scale) { return static_cast<float>(scale * (2 * random.next() - 1)); }

  Drand48 random_;
};

// What differs between the seed's programs: whether wq and wk, wv and wo are drawn in turns, and the scales of the
// projections into the residual stream. w2, whose fan-in is H, has the scale of fan-in D in all of them, and w1 and w3
// the other way round: a slip of the seed's kept for its loss trace.
struct SeedScheme {
  bool interleaved;
  float wo, w2;
};

SeedScheme seed_scheme(InitScheme scheme, const Config& config) {
  const float d = 1 / std::sqrt(static_cast<float>(config.dim));
  const float q = 1 / std::sqrt(static_cast<float>(config.q_dim()));
  const float r = residual_factor(config);
  switch (scheme) {
    case InitScheme::train_large_ane:
      return {.interleaved = true, .wo = d * r, .w2 = d * r};
    case InitScheme::dynamic:
      return {.interleaved = false, .wo = q * r, .w2 = d * r};
    default:
      return {.interleaved = true, .wo = d, .w2 = d};
  }
}

void initialize_as_seed(Parameters& weights, const Config& config, uint64_t seed, const SeedScheme& scheme) {
  const float d = 1 / std::sqrt(static_cast<float>(config.dim));
  const float h = 1 / std::sqrt(static_cast<float>(config.hidden));
  SeedDraws draws(seed);
  const auto fill_pair = [&](Scaled a, Scaled b) {
    if (scheme.interleaved) return draws.fill_interleaved(a, b);
    draws.fill(a);
    draws.fill(b);
  };
  for (int64_t l = 0; l < config.layers; ++l) {
    const LayerView layer = weights.layer(l);
    fill_pair({layer.wq, d}, {layer.wk, d});
    fill_pair({layer.wv, d}, {layer.wo, scheme.wo});
    draws.fill({layer.w1, h});
    draws.fill({layer.w2, scheme.w2});
    draws.fill({layer.w3, h});
  }
  draws.fill({weights.embedding(), kSeedEmbedding});
  if (!config.tied) draws.fill({weights.classifier(), kSeedEmbedding});
}

}  // namespace

void initialize(Parameters& weights, const Config& config, uint64_t seed, InitScheme scheme) {
  fill_norms(weights);
  if (scheme == InitScheme::standard) return initialize_standard(weights, config, seed);
  initialize_as_seed(weights, config, seed, seed_scheme(scheme, config));
}

}  // namespace anemone::model
