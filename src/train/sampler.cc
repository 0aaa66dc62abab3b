#include "train/sampler.h"

#include "base/check.h"

namespace anemone::train {
namespace {

constexpr int64_t kStepsPerProcess = 10;  // of train_large, which may compile only so many programs (seed 1.8)

Drand48 drand48_after(uint32_t seed, int64_t draws) {
  Drand48 random(seed);
  random.skip(static_cast<uint64_t>(draws));
  return random;
}

}  // namespace

Result<Sampler> Sampler::create(const SamplerOptions& options, int64_t tokens, int64_t seq) {
  if (tokens < seq + 2) {
    return fail("the data holds {} tokens, too few for windows of {}: give at least {}, or a shorter sequence", tokens,
                seq, seq + 2);
  }
  return Sampler(options, tokens - seq);
}

Result<Sampler> Sampler::create(const SamplerOptions& options, int64_t tokens, int64_t seq,
                                std::vector<int64_t> starts) {
  Sampler sampler = TRY(create(options, tokens, seq));
  std::erase_if(starts, [&](int64_t start) { return start >= sampler.windows_; });
  if (starts.empty()) {
    return fail("no document of the data begins {} tokens before its end: let windows begin anywhere", seq + 1);
  }
  sampler.starts_ = std::move(starts);
  return sampler;
}

Sampler::Sampler(const SamplerOptions& options, int64_t windows)
    : options_(options), windows_(windows), uniform_(options.seed), drand48_(options.seed) {}

int64_t Sampler::next() {
  if (options_.sampling == Sampling::drand48_restarting && drawn_ % kStepsPerProcess == 0) {
    drand48_ = Drand48(options_.seed + static_cast<uint32_t>(drawn_));
  }
  ++drawn_;
  if (options_.sampling == Sampling::documents) return starts_[uniform_.below(starts_.size())];
  if (options_.sampling == Sampling::uniform)
    return static_cast<int64_t>(uniform_.below(static_cast<uint64_t>(windows_)));
  return static_cast<int64_t>(drand48_.next() * static_cast<double>(windows_ - 1));
}

void Sampler::resume(int64_t drawn) {
  CHECK(drawn >= 0);
  drawn_ = drawn;
  uniform_ = Random(options_.seed, static_cast<uint64_t>(drawn));
  const bool restarting = options_.sampling == Sampling::drand48_restarting;
  const int64_t since = restarting ? drawn % kStepsPerProcess : drawn;
  drand48_ = drand48_after(options_.seed + static_cast<uint32_t>(drawn - since), since);
}

}  // namespace anemone::train
