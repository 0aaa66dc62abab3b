// Where in the token data each training window begins.
//
//   Sampler sampler = TRY(Sampler::create({.seed = 1}, tokens.size(), seq));
//   const int64_t begin = sampler.next();        // inputs [begin, begin + seq), targets one further
//
// A sampler's state is the number of positions drawn: after resume(drawn()) the same positions follow.
#pragma once

#include <cstdint>
#include <vector>

#include "base/random.h"
#include "base/result.h"

namespace anemone::train {

enum class Sampling {
  uniform,             // over every window
  drand48,             // ⌊drand48()·(tokens − seq − 1)⌋ after srand48(seed): the seed's `dynamic`
  drand48_restarting,  // the same, with srand48(seed + n) before each n-th draw, n a multiple of 10: the seed's
                       // `train_large`, whose process starts anew with each batch
  documents,           // over the windows that begin where a document does
};

struct SamplerOptions {
  Sampling sampling = Sampling::uniform;
  uint32_t seed = 42;
};

class Sampler {
 public:
  // Refuses data too short for two windows.
  static Result<Sampler> create(const SamplerOptions& options, int64_t tokens, int64_t seq);
  // For Sampling::documents: `starts` are the places of their first tokens, ascending.
  static Result<Sampler> create(const SamplerOptions& options, int64_t tokens, int64_t seq,
                                std::vector<int64_t> starts);

  int64_t next();
  int64_t drawn() const { return drawn_; }
  void resume(int64_t drawn);  // 0 <= drawn

 private:
  Sampler(const SamplerOptions& options, int64_t windows);

  SamplerOptions options_;
  int64_t windows_;              // positions a window can begin at, the last token being only a target
  std::vector<int64_t> starts_;  // of documents, where windows begin only there
  int64_t drawn_ = 0;
  Random uniform_;
  Drand48 drand48_;
};

}  // namespace anemone::train
