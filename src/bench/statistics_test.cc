#include "bench/statistics.h"

#include <gtest/gtest.h>

#include <cmath>
#include <vector>

#include "base/random.h"

namespace anemone::bench {
namespace {

std::vector<double> normals(int count, double mean, double deviation, uint64_t seed) {
  Random random(seed);
  std::vector<double> values(static_cast<size_t>(count));
  for (double& value : values) value = mean + deviation * random.normal();
  return values;
}

TEST(Median, IsTheMiddleOrBetweenTheMiddles) {
  EXPECT_EQ(median(std::vector<double>{3, 1, 2}), 2);
  EXPECT_EQ(median(std::vector<double>{4, 1, 2, 30}), 3);
  EXPECT_EQ(median(std::vector<double>{7}), 7);
}

// Of n normal values the median's standard error is 1.2533·σ/√n.
TEST(EstimateMedian, HasTheWidthOfTheoryAndIsRepeatable) {
  const auto values = normals(400, 10, 1, 5);
  const Estimate estimate = estimate_median(values, 1);
  EXPECT_NEAR(estimate.value, 10, 3 * 1.2533 / 20);
  EXPECT_NEAR(estimate.high - estimate.low, 2 * 1.96 * 1.2533 / 20, 0.08);
  EXPECT_EQ(estimate.low, estimate_median(values, 1).low);
  const Estimate one = estimate_median(std::vector<double>{4}, 1);
  EXPECT_EQ(one.low, 4);
  EXPECT_EQ(one.high, 4);
}

TEST(EstimateMedian, CoversTheTruthAboutNineteenTimesOfTwenty) {
  int covered = 0;
  for (uint64_t seed = 0; seed < 200; ++seed) {
    const Estimate estimate = estimate_median(normals(51, 1, 0.1, seed), seed);
    if (estimate.low <= 1 && 1 <= estimate.high) ++covered;
  }
  EXPECT_GE(covered, 180);
  EXPECT_LE(covered, 199);
}

TEST(EstimateRatio, TellsEqualFromSlower) {
  const auto a = normals(50, 1, 0.02, 1), same = normals(50, 1, 0.02, 2), slower = normals(50, 1.1, 0.02, 3);
  const Estimate equal = estimate_ratio(same, a, 1), more = estimate_ratio(slower, a, 1);
  EXPECT_LE(equal.low, 1);
  EXPECT_GE(equal.high, 1);
  EXPECT_GT(more.low, 1.05);
  EXPECT_LT(more.high, 1.15);
}

// ---- two segments

const std::vector<double> kSizes = {0.125, 0.5, 2, 4.5, 8, 12.5, 18, 24.5, 32, 40.5, 50, 72};

std::vector<double> times(double at, double gain, double noise, uint64_t seed) {
  Random random(seed);
  std::vector<double> y;
  for (double x : kSizes) y.push_back((0.1 + 0.01 * x + gain * std::max(x - at, 0.0)) * (1 + noise * random.normal()));
  return y;
}

TEST(TwoSegments, FindsAnExactBreak) {
  const auto fit = fit_two_segments(kSizes, times(20, 0.05, 0, 0));
  ASSERT_TRUE(fit);
  EXPECT_NEAR(fit->at, 20, 1e-6);
  EXPECT_NEAR(*fit->standard_error, 0, 1e-6);
  EXPECT_NEAR(fit->below.intercept, 0.1, 1e-9);
  EXPECT_NEAR(fit->below.slope, 0.01, 1e-9);
  EXPECT_NEAR(fit->above.slope, 0.06, 1e-9);
  EXPECT_NEAR(fit->above.at(20), fit->below.at(20), 1e-9);
  EXPECT_LT(p_value_of_break(kSizes, times(20, 0.05, 0, 0), 1), 0.01);
}

// The standard error is what the break scatters by when the data are drawn again.
TEST(TwoSegments, KnowsHowSureItIs) {
  double squares = 0, claimed = 0;
  constexpr int kDraws = 40;
  for (uint64_t seed = 0; seed < kDraws; ++seed) {
    const auto y = times(20, 0.05, 0.03, seed);
    const auto fit = fit_two_segments(kSizes, y);
    squares += (fit->at - 20) * (fit->at - 20) / kDraws;
    claimed += *fit->standard_error / kDraws;
    EXPECT_LT(p_value_of_break(kSizes, y, seed), 0.05) << seed;
  }
  EXPECT_LT(std::sqrt(squares), 2 * claimed);
  EXPECT_GT(std::sqrt(squares), claimed / 2);
}

TEST(TwoSegments, FindsNoBreakInALine) {
  EXPECT_EQ(p_value_of_break(kSizes, times(20, 0, 0, 0), 1), 1);  // exactly one
  int found = 0;
  for (uint64_t seed = 0; seed < 40; ++seed) {
    if (p_value_of_break(kSizes, times(20, 0, 0.03, seed), seed) < 0.05) ++found;
  }
  EXPECT_LE(found, 7);  // 2 are expected; 8 or more come once in a thousand times
}

TEST(TwoSegments, NeedsEnoughPoints) {
  const std::vector<double> few = {1, 2, 3, 4, 5};
  EXPECT_FALSE(fit_two_segments(few, few));
}

}  // namespace
}  // namespace anemone::bench
