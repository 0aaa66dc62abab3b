#include "bench/suite/cliff.h"

#include <gmock/gmock.h>

#include <cmath>

#include "base/random.h"

namespace anemone::bench {
namespace {

// The sizes of sram_probe, 0.1 ms and so many more each MiB, `above` beyond 20 MiB.
std::vector<CliffPoint> points(double below, double above, double noise) {
  Random random(3);
  std::vector<CliffPoint> list;
  for (double x : {0.125, 0.5, 2.0, 4.5, 8.0, 12.5, 18.0, 24.5, 32.0, 40.5, 50.0, 72.0}) {
    const double y = 0.1 + below * x + (above - below) * std::max(x - 20, 0.0);
    list.push_back({"at " + std::to_string(x), x, y * (1 + noise * random.normal()), 64});
  }
  return list;
}

TEST(Cliff, StandsWhereTimeGrowsFaster) {
  const auto cliff = find_cliff(points(0.01, 0.06, 0.02));
  ASSERT_TRUE(cliff);
  EXPECT_TRUE(cliff->found);
  EXPECT_NEAR(cliff->fit.at, 20, 3 * *cliff->fit.standard_error);
  EXPECT_LT(*cliff->fit.standard_error, 3);
  EXPECT_EQ(cliff->points, 12);
}

TEST(Cliff, IsNeitherALineNorABendDownwards) {
  EXPECT_FALSE(find_cliff(points(0.02, 0.02, 0.02))->found);
  const auto down = find_cliff(points(0.06, 0.01, 0.02));
  EXPECT_LT(down->p_value, kSureOfBreak);
  EXPECT_FALSE(down->found);
}

// As the engine's times at 4096 channels, where its prefetch stalls.
TEST(Cliff, IsNotMadeByOnePointFarOffNorByOtherPixels) {
  std::vector<CliffPoint> list = points(0.02, 0.02, 0.01);
  list[8].milliseconds *= 3;
  list.push_back({"32 pixels", 128, 9, 32});
  const auto cliff = find_cliff(list);
  EXPECT_FALSE(cliff->found);
  EXPECT_THAT(cliff->left_out, testing::UnorderedElementsAre("32 pixels", list[8].label));
  EXPECT_EQ(cliff->points, 11);
}

TEST(Cliff, NeedsPoints) {
  std::vector<CliffPoint> few = points(0.01, 0.06, 0);
  few.resize(kLeastPoints - 1);
  EXPECT_FALSE(find_cliff(few));
}

}  // namespace
}  // namespace anemone::bench
