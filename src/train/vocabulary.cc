#include "train/vocabulary.h"

#include <algorithm>
#include <functional>

#include "base/parallel.h"

namespace anemone::train {
namespace {

constexpr int64_t kRowGrain = 16;

}  // namespace

CompactVocabulary::CompactVocabulary(const UsedTokens& used) : compact_(used.seen().size(), -1) {
  for (size_t id = 0; id < used.seen().size(); ++id) {
    if (used.seen()[id] == 0) continue;
    compact_[id] = static_cast<int32_t>(originals_.size());
    originals_.push_back(static_cast<int32_t>(id));
  }
}

void CompactVocabulary::map(std::span<int32_t> ids) const {
  for (int32_t& id : ids) id = compact_[static_cast<size_t>(id)];
}

void CompactVocabulary::gather(const float* full, int64_t D, float* rows) const {
  parallel_for(size(), kRowGrain, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) std::copy_n(full + originals_[static_cast<size_t>(i)] * D, D, rows + i * D);
  });
}

void CompactVocabulary::scatter(const float* rows, int64_t D, Into into, float* full) const {
  parallel_for(size(), kRowGrain, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) {
      float* row = full + originals_[static_cast<size_t>(i)] * D;
      if (into == Into::assign) std::fill_n(row, D, 0.0f);
      std::transform(row, row + D, rows + i * D, row, std::plus<>());
    }
  });
}

}  // namespace anemone::train
