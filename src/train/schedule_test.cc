#include "train/schedule.h"

#include <gtest/gtest.h>

namespace anemone::train {
namespace {

TEST(Schedule, RisesThenFallsAlongACosineToItsFloor) {
  const Schedule schedule{.peak = 3e-4, .warmup = 100, .total = 1100};
  EXPECT_DOUBLE_EQ(schedule.rate(0), 3e-6);
  EXPECT_DOUBLE_EQ(schedule.rate(49), 1.5e-4);
  EXPECT_DOUBLE_EQ(schedule.rate(99), 3e-4);
  EXPECT_DOUBLE_EQ(schedule.rate(100), 3e-4);
  EXPECT_DOUBLE_EQ(schedule.rate(600), 1.65e-4);                               // half way: mean of peak and floor
  EXPECT_NEAR(schedule.rate(350), 3e-5 + 2.7e-4 * 0.8535533905932737, 1e-15);  // (1 + cos 45°)/2
  EXPECT_DOUBLE_EQ(schedule.rate(1100), 3e-5);
  EXPECT_DOUBLE_EQ(schedule.rate(5000), 3e-5);
}

TEST(Schedule, ConstantHoldsThePeakAfterItsWarmup) {
  const Schedule schedule{.kind = Schedule::Kind::constant, .peak = 1e-3, .warmup = 4};
  EXPECT_DOUBLE_EQ(schedule.rate(0), 2.5e-4);
  EXPECT_DOUBLE_EQ(schedule.rate(3), 1e-3);
  EXPECT_DOUBLE_EQ(schedule.rate(1000000), 1e-3);
}

TEST(Schedule, ARunThatEndsInItsWarmupStaysFinite) {
  const Schedule schedule{.peak = 1, .warmup = 10, .total = 10, .floor_ratio = 0};
  EXPECT_DOUBLE_EQ(schedule.rate(9), 1);
  EXPECT_DOUBLE_EQ(schedule.rate(10), 0);
}

}  // namespace
}  // namespace anemone::train
