// Vocabulary compaction: the classifier need only know the tokens that the data shows.
//
//   UsedTokens used(config.vocab);
//   used.add(ids);                                       // as often as there are pieces of data
//   CompactVocabulary compact(used);                     // 32000 → 9205 on TinyStories
//   compact.gather(embedding, D, rows);                  // [v, D], before the logits
//   compact.map(targets);                                // old ids to new
//   compact.scatter(d_rows, D, Into::add, d_embedding);  // after the backward pass
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "train/host_ops.h"

namespace anemone::train {

// The set of token ids seen.
class UsedTokens {
 public:
  explicit UsedTokens(int64_t vocab) : seen_(static_cast<size_t>(vocab)) {}
  void add(std::span<const int32_t> ids) {  // each in [0, vocab)
    for (const int32_t id : ids) seen_[static_cast<size_t>(id)] = 1;
  }
  std::span<const uint8_t> seen() const { return seen_; }  // one byte an id

 private:
  std::vector<uint8_t> seen_;
};

// The used ids in ascending order, numbered from 0.
class CompactVocabulary {
 public:
  explicit CompactVocabulary(const UsedTokens& used);

  int64_t size() const { return static_cast<int64_t>(originals_.size()); }
  std::span<const int32_t> originals() const { return originals_; }                            // new id → old id
  int64_t compact(int64_t original) const { return compact_[static_cast<size_t>(original)]; }  // −1 where unused

  void map(std::span<int32_t> ids) const;  // old → new, in place; each must be used

  // rows[i, :] = full[originals[i], :]; full [V, D], rows [size(), D].
  void gather(const float* full, int64_t D, float* rows) const;
  // full[originals[i], :] = or += rows[i, :]; other rows stay as they are.
  void scatter(const float* rows, int64_t D, Into into, float* full) const;

 private:
  std::vector<int32_t> originals_;
  std::vector<int32_t> compact_;  // old id → new id, −1 where unused
};

}  // namespace anemone::train
