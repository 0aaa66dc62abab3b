#include "text/token_stats.h"

#include <algorithm>
#include <vector>

namespace anemone::text {

TokenStats token_stats(const TokenFile& tokens, int32_t bos) {
  std::vector<int64_t> counts;
  for (int64_t i = 0; i < tokens.size(); ++i) {
    const auto id = static_cast<size_t>(tokens[i]);
    if (id >= counts.size()) counts.resize(id + 1);
    ++counts[id];
  }
  const auto is_used = [](int64_t count) { return count > 0; };
  TokenStats stats;
  stats.smallest = static_cast<int32_t>(std::find_if(counts.begin(), counts.end(), is_used) - counts.begin());
  stats.largest = static_cast<int32_t>(counts.size()) - 1;
  stats.used = std::count_if(counts.begin(), counts.end(), is_used);
  if (bos >= 0 && bos <= stats.largest) stats.documents = counts[static_cast<size_t>(bos)];
  return stats;
}

}  // namespace anemone::text
