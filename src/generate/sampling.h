// Chooses the next token by the model's logits.
//
//   TokenSampler sampler = TRY(TokenSampler::create({.temperature = 0.8, .top_p = 0.9, .seed = 7}));
//   int32_t token = TRY(sampler.sample(logits));
//
// The same seed and logits give the same tokens.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "base/random.h"
#include "base/result.h"

namespace anemone::generate {

struct SamplingOptions {
  double temperature = 1;  // divides the logits; 0: always the likeliest token
  int64_t top_k = 0;       // only the k likeliest; 0: all
  double top_p = 1;        // of these, only the likeliest whose probabilities reach p together (Holtzman et al. 2020)
  uint64_t seed = 42;
};

// A token and its probability among those that may be chosen.
struct Candidate {
  int32_t token;
  double probability;
};

// What may be chosen, in no particular order; of equal logits the lower id counts as likelier. Fails where a logit is
// NaN or +∞, or none is finite; −∞ rules a token out.
Result<std::vector<Candidate>> candidates(std::span<const float> logits, const SamplingOptions& options);

class TokenSampler {
 public:
  // Fails where an option is out of its range.
  static Result<TokenSampler> create(const SamplingOptions& options);

  Result<int32_t> sample(std::span<const float> logits);

 private:
  explicit TokenSampler(const SamplingOptions& options) : options_(options), random_(options.seed) {}

  SamplingOptions options_;
  Random random_;
};

}  // namespace anemone::generate
