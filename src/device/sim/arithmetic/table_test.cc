#include "device/sim/arithmetic/table.h"

#include <gtest/gtest.h>

namespace anemone::sim {
namespace {

TEST(Table, EntriesAreRoundedOnceTiesAwayFromZero) {
  const Entries table = entries_of([](double i) { return i == 3 ? -2049 : 1 + i * 0x1p-11; });
  EXPECT_EQ(decode(table[1]), 1 + 0x1p-10);
  EXPECT_EQ(decode(table[2]), 1 + 0x1p-10);
  EXPECT_EQ(decode(table[3]), -2050);
}

TEST(Table, GivesItsEntriesAtWholeNumbersFromWhicheverEnd) {
  const Entries table = entries_of([](double i) { return i * i / 8; });
  for (size_t i = 0; i <= kLastEntry; ++i) {
    EXPECT_EQ(lut(table, double(i)).bits, table[i].bits);
    EXPECT_EQ(lut_from_above(table, double(i)).bits, table[i].bits);
    EXPECT_EQ(lut_backwards(table, double(i)).bits, table[kLastEntry - i].bits);
  }
}

// 1 + Δ·way with Δ = 3·2^-10 and way = 1/2 is 1 + 1.5·2^-10, half between two halves; of a Δ that needs rounding first
// the sum differs from the exact one.
TEST(Table, RoundsWhatIsAddedAndThenTheSum) {
  const Half one = half_away(1), near = half_away(1 + 3 * 0x1p-10);
  EXPECT_EQ(decode(between(one, near, 0.5)), 1 + 2 * 0x1p-10);
  EXPECT_EQ(decode(between(near, one, 0.5)), 1 + 2 * 0x1p-10) << "1 + 3·2^-10 less 1.5·2^-10, the tie upwards";
  // 1/2 less a little more than 2^-13, which in one rounding falls below the tie 1/2 − 2^-13.
  const Half half = half_away(0.5), zero = half_away(0);
  EXPECT_EQ(decode(half_away(0.5 - 0.5 * (0x1p-12 + 0x1p-25))), 0.5 - 0x1p-12);
  EXPECT_EQ(decode(between(half, zero, 0x1p-12 + 0x1p-25)), 0.5) << "what is taken away is rounded to 2^-13 first";
}

TEST(FittedTable, FollowsALineExactly) {
  const Entries table = fitted_entries([](double x) { return 0.25 * x - 1; }, 4);
  for (size_t i = 0; i <= kLastEntry; ++i) EXPECT_EQ(decode(table[i]), 0.25 * (double(i) / 4 - 4) - 1);
}

double parabola(double x) { return x * x; }

// The mean of the square of what the lines through `entries` miss over all normal halves within [-4, 4].
double missed(const std::array<double, kLastEntry + 1>& entries) {
  double sum = 0;
  for (int bits = 0x0400; bits <= half_away(4).bits; ++bits) {
    for (double sign : {-1, 1}) {
      const double x = sign * decode(Half{uint16_t(bits)}), u = 4 * (x + 4), i = std::min(std::floor(u), 31.0);
      const double line = entries[size_t(i)] + (entries[size_t(i) + 1] - entries[size_t(i)]) * (u - i);
      sum += (line - parabola(x)) * (line - parabola(x));
    }
  }
  return sum;
}

// Moving any entry by more than rounding may have moved it only makes the fit worse.
TEST(FittedTable, IsALeastSquaresFit) {
  const Entries table = fitted_entries(parabola, 4);
  std::array<double, kLastEntry + 1> entries{};
  std::transform(table.begin(), table.end(), entries.begin(), decode);
  const double least = missed(entries);
  for (size_t i = 0; i <= kLastEntry; ++i) {
    const double step = 4 * std::max(std::ldexp(1, exponent(table[i]) - 10), 0x1p-12);
    for (double moved : {-step, step}) {
      auto others = entries;
      others[i] += moved;
      EXPECT_GT(missed(others), least) << "entry " << i << " moved by " << moved;
    }
  }
}

}  // namespace
}  // namespace anemone::sim
