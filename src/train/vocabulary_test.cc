#include "train/vocabulary.h"

#include <gmock/gmock.h>

#include "base/random_floats.h"

namespace anemone::train {
namespace {

using testing::ElementsAre;

CompactVocabulary compact_of(int64_t vocab, const std::vector<int32_t>& ids) {
  UsedTokens used(vocab);
  used.add(ids);
  return CompactVocabulary(used);
}

TEST(CompactVocabulary, NumbersTheUsedIdsInAscendingOrder) {
  UsedTokens used(10);
  used.add(std::vector<int32_t>{7, 2, 7});
  used.add(std::vector<int32_t>{9, 0});
  const CompactVocabulary compact(used);
  EXPECT_EQ(compact.size(), 4);
  EXPECT_THAT(compact.originals(), ElementsAre(0, 2, 7, 9));
  std::vector<int32_t> ids = {9, 7, 7, 0, 2};
  compact.map(ids);
  EXPECT_THAT(ids, ElementsAre(3, 2, 2, 0, 1));
}

TEST(CompactVocabulary, GathersRowsAndAddsThemBack) {
  constexpr int64_t D = 5;
  const CompactVocabulary compact = compact_of(50, {3, 49, 11});
  const std::vector<float> full = random_floats(50 * D, 1);
  std::vector<float> rows(3 * D);
  compact.gather(full.data(), D, rows.data());
  std::vector<float> sum = full;
  compact.scatter(rows.data(), D, Into::add, sum.data());
  for (int64_t id = 0; id < 50; ++id) {
    const float times = id == 3 || id == 11 || id == 49 ? 2 : 1;
    for (int64_t i = id * D; i < (id + 1) * D; ++i) {
      EXPECT_EQ(sum[static_cast<size_t>(i)], times * full[static_cast<size_t>(i)]) << id;
    }
  }
  EXPECT_EQ(rows[D], full[11 * D]);
}

TEST(CompactVocabulary, MayBeEmptyOrWhole) {
  EXPECT_EQ(compact_of(3, {}).size(), 0);
  EXPECT_THAT(compact_of(3, {2, 1, 0}).originals(), ElementsAre(0, 1, 2));
}

}  // namespace
}  // namespace anemone::train
