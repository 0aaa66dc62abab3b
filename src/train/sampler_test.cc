#include "train/sampler.h"

#include <gmock/gmock.h>

#include <algorithm>
#include <vector>

namespace anemone::train {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

constexpr int64_t kShard = 20658981;  // tokens of TinyStories' shard 0

std::vector<int64_t> draw(Sampler& sampler, int64_t count) {
  std::vector<int64_t> positions(static_cast<size_t>(count));
  std::ranges::generate(positions, [&] { return sampler.next(); });
  return positions;
}

TEST(Sampler, GivesTheSeedsPositions) {
  for (const Sampling sampling : {Sampling::drand48, Sampling::drand48_restarting}) {
    Sampler sampler = Sampler::create({.sampling = sampling}, kShard, 256).value();
    EXPECT_THAT(draw(sampler, 3), ElementsAre(15380936, 7079775, 2294880));
  }
}

TEST(Sampler, StartsAnewEveryTenDrawsAsTheSeedsProcessDoes) {
  Sampler sampler = Sampler::create({.sampling = Sampling::drand48_restarting}, kShard, 256).value();
  draw(sampler, 10);
  EXPECT_THAT(draw(sampler, 3), ElementsAre(9349066, 8028106, 10237242));
}

TEST(Sampler, ResumesWhereItStopped) {
  for (const Sampling sampling : {Sampling::uniform, Sampling::drand48, Sampling::drand48_restarting}) {
    Sampler whole = Sampler::create({.sampling = sampling, .seed = 7}, 1000, 8).value();
    const std::vector<int64_t> all = draw(whole, 45);
    for (const int64_t stop : {0, 1, 10, 23, 40}) {
      Sampler resumed = Sampler::create({.sampling = sampling, .seed = 7}, 1000, 8).value();
      resumed.resume(stop);
      EXPECT_EQ(draw(resumed, 45 - stop), std::vector(all.begin() + stop, all.end())) << stop;
      EXPECT_EQ(resumed.drawn(), 45);
    }
  }
}

TEST(Sampler, ReachesEveryWindowAndNoOther) {
  Sampler sampler = Sampler::create({}, 12, 5).value();  // windows begin at 0 to 6: the last target is token 11
  std::vector<int> counts(7);
  for (const int64_t position : draw(sampler, 7000)) ++counts.at(static_cast<size_t>(position));
  for (const int count : counts) EXPECT_NEAR(count, 1000, 150);
}

TEST(Sampler, SeedsDiffer) {
  Sampler a = Sampler::create({.seed = 1}, kShard, 256).value();
  Sampler b = Sampler::create({.seed = 2}, kShard, 256).value();
  EXPECT_NE(draw(a, 4), draw(b, 4));
}

TEST(Sampler, RefusesShortData) {
  for (const int64_t tokens : {0, 1, 256, 257}) {
    const Result<Sampler> sampler = Sampler::create({}, tokens, 256);
    ASSERT_FALSE(sampler.has_value());
    EXPECT_THAT(sampler.error().message, HasSubstr("give at least 258"));
  }
  EXPECT_TRUE(Sampler::create({}, 258, 256).has_value());
}

TEST(Sampler, DrawsEveryDocumentThatLeavesRoomAndNoOtherPlace) {
  const SamplerOptions options{Sampling::documents, 3};
  auto sampler = Sampler::create(options, 100, 10, {0, 17, 60, 89, 90, 95});
  ASSERT_TRUE(sampler) << sampler.error().message;
  std::set<int64_t> seen;
  std::vector<int64_t> drawn;
  for (int i = 0; i < 200; ++i) seen.insert(drawn.emplace_back(sampler->next()));
  EXPECT_EQ(seen, (std::set<int64_t>{0, 17, 60, 89}));  // 89 + 10 is the last token, a target
  sampler->resume(150);
  for (size_t i = 150; i < drawn.size(); ++i) EXPECT_EQ(sampler->next(), drawn[i]);
}

TEST(Sampler, RefusesDataWithoutADocumentThatLeavesRoom) {
  const auto sampler = Sampler::create({Sampling::documents, 3}, 100, 10, {90, 95});
  ASSERT_FALSE(sampler);
  EXPECT_EQ(sampler.error().message,
            "no document of the data begins 11 tokens before its end: let windows begin anywhere");
}

}  // namespace
}  // namespace anemone::train
