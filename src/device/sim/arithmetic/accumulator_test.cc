// The worked examples of the published measurements.
#include "device/sim/arithmetic/accumulator.h"

#include <gtest/gtest.h>

#include <initializer_list>
#include <utility>

namespace anemone::sim {
namespace {

double sum(double bias, std::initializer_list<std::pair<double, double>> terms) {
  Accumulator sum(half_away(bias));
  for (const auto& [x, w] : terms) sum.add(half_away(x), half_away(w));
  return sum.result().value();
}

TEST(Accumulator, ReadsEveryPatternAsANumber) {
  const auto times = [](Half x, double w) {
    Accumulator sum;
    sum.add(x, half_away(w));
    return sum.result();
  };
  EXPECT_EQ(times({0x7C00}, 0x1p-12).value(), 16);
  EXPECT_EQ(times({0x7E00}, 0x1p-12).value(), 24);
  EXPECT_EQ(times({0x8000}, 1).bits, 0);
}

TEST(Accumulator, AlignsToItsUnit) {
  EXPECT_EQ(sum(0, {{0x1p-17, 1}}), 0x1p-16);
  EXPECT_EQ(sum(0, {{0x1p-18, 1}}), 0);
  EXPECT_EQ(sum(0, {{1.5 * 0x1p-16, 1}}), 0x1p-15);
  EXPECT_EQ(sum(0, {{-1.5 * 0x1p-16, 1}}), -0x1p-15);
}

TEST(Accumulator, DropsBySumsOfExponents) {
  EXPECT_EQ(sum(0, {{0.125, 1.5 * 0x1p-13}}), 2 * kUnit);
  EXPECT_EQ(sum(0, {{0.125, 0x1p-14}}), 0);
  EXPECT_EQ(sum(0, {{1.875 * 0x1p-3, 1.875 * 0x1p-14}}), 0);
  EXPECT_EQ(sum(0, {{0.25, 0x1p-15}}), kUnit);
}

TEST(Accumulator, OverflowSticks) {
  EXPECT_EQ(sum(0, {{16384, 1}, {16376, 1}}), 32768);
  EXPECT_EQ(sum(0, {{16384, 1}, {16384, 1}}), INFINITY);
  EXPECT_EQ(sum(0, {{-16384, 1}, {16384, -1}}), -INFINITY);
  EXPECT_EQ(sum(0, {{16384, 1}, {16376, 1}, {-16384, 1}}), 16376);
  EXPECT_EQ(sum(0, {{16384, 1}, {16384, 1}, {-16384, 1}, {-16384, 1}, {1, 1}}), INFINITY);
}

TEST(Accumulator, BeginsWithTheBias) {
  EXPECT_EQ(sum(-16384, {{16384, 1}, {16384, 1}}), 16384);
  EXPECT_EQ(sum(32, {{32736, 1}}), INFINITY);
  EXPECT_EQ(sum(0x1p-17, {{0, 0}}), 0x1p-16);
}

TEST(Accumulator, RoundsOnceAtTheEnd) {
  EXPECT_EQ(sum(0, {{2048, 1}, {1, 1}}), 2050);
  EXPECT_EQ(sum(0, {{-4096, 1}, {-2, 1}}), -4100);
  EXPECT_EQ(sum(0, {{1, 1}, {0x1p-12, 1}}), 1);
}

}  // namespace
}  // namespace anemone::sim
