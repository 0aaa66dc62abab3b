#include "dashboard/series.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

namespace anemone::dashboard {
namespace {

int64_t points(const std::vector<Bucket>& buckets) {
  int64_t count = 0;
  for (const Bucket& bucket : buckets) count += bucket.count;
  return count;
}

TEST(Series, KeepsFewPointsAsTheyCame) {
  Series series;
  for (int step = 0; step < 10; ++step) series.add(step, step * step);
  const auto all = series.range(0, 9, 100);
  ASSERT_EQ(all.size(), 10);
  EXPECT_EQ(all[7].mean, 49);
  EXPECT_EQ(points(series.range(2, 5, 100)), 4);
  EXPECT_EQ(series.newest(), 81);
}

// Against sums made apart.
TEST(Series, AMillionPointsStayFewBucketsWithTheirExtremes) {
  Series series(512);
  constexpr int64_t kPoints = 1'000'000;
  for (int64_t step = 0; step < kPoints; ++step) series.add(step, step == 333'333 ? -50 : std::sin(step * 1e-5));
  const auto all = series.range(0, kPoints - 1, 100'000);
  EXPECT_LE(all.size(), 512U);
  EXPECT_GE(all.size(), 256U);
  EXPECT_EQ(points(all), kPoints);
  double sum = 0, least = 0;
  for (const Bucket& b : all) {
    sum += b.mean * static_cast<double>(b.count);
    least = std::min(least, b.least);
  }
  EXPECT_EQ(least, -50);
  double wanted = -50 - std::sin(333'333 * 1e-5);
  for (int64_t step = 0; step < kPoints; ++step) wanted += std::sin(step * 1e-5);
  EXPECT_NEAR(sum / kPoints, wanted / kPoints, 1e-9);
  const auto zoomed = series.range(kPoints - 100, kPoints - 1, 1000);  // the newest stand as they came
  ASSERT_EQ(zoomed.size(), 100U);
  EXPECT_EQ(zoomed[0].count, 1);
  EXPECT_LE(series.range(0, kPoints - 1, 60).size(), 61U);
}

TEST(Series, StepsDoneAgainReplaceThose) {
  Series series;
  for (int step = 0; step < 10; ++step) series.add(step, 1);
  series.add(6, 2);
  EXPECT_EQ(series.last(), 6);
  EXPECT_EQ(points(series.range(0, 100, 100)), 7);
  EXPECT_EQ(series.newest(), 2);
}

TEST(Series, LeavesOutWhatIsNoNumber) {
  Series series;
  series.add(0, 1);
  series.add(1, std::nan(""));
  series.add(2, std::numeric_limits<double>::infinity());
  EXPECT_EQ(series.last(), 0);
  EXPECT_TRUE(series.range(5, 2, 10).empty());
  EXPECT_TRUE(Series().range(0, 9, 10).empty());
}

TEST(Series, TakesPlacesFarApart) {
  Series series;
  series.add(0, 1);
  series.add(int64_t{1} << 53, 2);
  EXPECT_EQ(series.range(0, int64_t{1} << 53, 10).size(), 2U);
  EXPECT_EQ(series.range(std::numeric_limits<int64_t>::min(), std::numeric_limits<int64_t>::max(), 1).size(), 1U);
}

}  // namespace
}  // namespace anemone::dashboard
