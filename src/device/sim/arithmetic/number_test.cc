#include "device/sim/arithmetic/number.h"

#include <gtest/gtest.h>

namespace anemone::sim {
namespace {

TEST(Number, EveryPatternIsANumber) {
  EXPECT_EQ(decode({0x7C00}), 65536);
  EXPECT_EQ(decode({0x7E00}), 98304);
  EXPECT_EQ(decode({0xFE00}), -98304);
  EXPECT_EQ(decode({0x7FFF}), 131008);
  EXPECT_FALSE(std::signbit(decode({0x8000})));
  for (uint32_t bits = 0; bits < 0x7C00; ++bits) {
    ASSERT_EQ(decode({uint16_t(bits)}), Half{uint16_t(bits)}.value()) << bits;
    ASSERT_EQ(decode({uint16_t(bits | 0x8000)}), Half{uint16_t(bits | 0x8000)}.value()) << bits;
  }
}

TEST(Number, SubnormalsCountAsOfExponentMinus14) {
  EXPECT_EQ(exponent({0x0001}), -14);
  EXPECT_EQ(exponent({0x03FF}), -14);
  EXPECT_EQ(exponent({0x0400}), -14);
  EXPECT_EQ(exponent({0x0800}), -13);
  EXPECT_EQ(exponent(Half::from(1)), 0);
  EXPECT_EQ(exponent({0x7C00}), 16);
}

TEST(Number, KeepsWhatAHalfHolds) {
  for (uint32_t bits = 0; bits < 0x7C00; ++bits) {
    ASSERT_EQ(half_away(decode({uint16_t(bits)})).bits, bits);
    if (bits > 0) {
      ASSERT_EQ(half_away(-decode({uint16_t(bits)})).bits, bits | 0x8000);
    }
  }
}

TEST(Number, TiesGoAwayFromZero) {
  EXPECT_EQ(half_away(2049).value(), 2050);
  EXPECT_EQ(half_away(-4098).value(), -4100);
  EXPECT_EQ(half_away(0x1p-25).bits, 1);
  EXPECT_EQ(half_away(0x1p-25 * (1 - 0x1p-40)).bits, 0);
  EXPECT_EQ(half_away(-0x1p-26).bits, 0);
  EXPECT_EQ(half_away(65519.999).value(), 65504);
  EXPECT_EQ(half_away(65520), kInfinity);
  EXPECT_EQ(half_away(-1e9).bits, 0xFC00);
  // Between any two neighbours: the middle goes to the larger, what is nearer to zero to the smaller.
  for (uint16_t bits = 0; bits < 0x7BFF; ++bits) {
    const double low = decode({bits}), high = decode({uint16_t(bits + 1)}), middle = (low + high) / 2;
    ASSERT_EQ(half_away(middle).bits, bits + 1);
    ASSERT_EQ(half_away(std::nextafter(middle, 0)).bits, bits);
  }
}

}  // namespace
}  // namespace anemone::sim
