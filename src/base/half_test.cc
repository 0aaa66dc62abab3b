#include "base/half.h"

#include <gtest/gtest.h>
#include <hwy/highway.h>

#include <cmath>
#include <vector>

namespace anemone {
namespace {

TEST(Half, EveryFiniteBitPatternSurvivesTheRoundTrip) {
  for (uint32_t bits = 0; bits < 0x10000; ++bits) {
    Half half{static_cast<uint16_t>(bits)};
    if (std::isnan(half.value())) continue;
    EXPECT_EQ(Half::from(half.value()).bits, bits);
  }
}

TEST(Half, RoundsToNearestEvenOnce) {
  EXPECT_EQ(Half::from(2049).value(), 2048);
  EXPECT_EQ(Half::from(2051).value(), 2052);
  EXPECT_EQ(Half::from(65519.9).value(), 65504);
  EXPECT_TRUE(std::isinf(Half::from(65520).value()));
  EXPECT_EQ(Half::from(0x1p-25).value(), 0);  // half of the smallest subnormal: ties to even
  EXPECT_EQ(Half::from(0x1.8p-25).value(), 0x1p-24f);
  EXPECT_EQ(Half::from(1023.75 * 0x1p-24).value(), 0x1p-14f);
  EXPECT_EQ(Half::from(1 + 0x1p-11 + 0x1p-40).value(), 1 + 0x1p-10f);  // a detour through float would lose this
  EXPECT_TRUE(std::signbit(Half::from(-0.0).value()));
}

void expect_bulk_equals_scalar() {
  for (size_t count : {0u, 1u, 7u, 33u, 1001u}) {
    std::vector<float> values(count);
    for (size_t i = 0; i < count; ++i) values[i] = std::sin(i * 0.37f) * std::exp2(static_cast<float>(i % 43) - 26);
    std::vector<Half> halves(count);
    to_half(values, halves.data());
    std::vector<float> back(count);
    to_float(halves, back.data());
    std::vector<float> rounded = values;
    round_to_half(rounded);
    for (size_t i = 0; i < count; ++i) {
      EXPECT_EQ(halves[i].bits, Half::from(values[i]).bits) << values[i];
      EXPECT_EQ(back[i], halves[i].value());
      EXPECT_EQ(rounded[i], halves[i].value());
    }
  }
}

void expect_bulk_bfloat16_equals_scalar() {
  for (size_t count : {0u, 1u, 7u, 33u, 1001u}) {
    std::vector<float> values(count);
    for (size_t i = 0; i < count; ++i) values[i] = std::sin(i * 0.37f) * std::exp2(static_cast<float>(i % 250) - 140);
    if (count > 20) {
      values[3] = NAN;
      values[4] = -INFINITY;
      values[5] = 0x1.fffffep127f;  // rounds to infinity
    }
    std::vector<BFloat16> narrow(count);
    to_bfloat16(values, narrow.data());
    std::vector<float> rounded = values;
    round_to_bfloat16(rounded);
    for (size_t i = 0; i < count; ++i) {
      const BFloat16 expected = BFloat16::from(values[i]);
      if (std::isnan(values[i])) {
        EXPECT_TRUE(std::isnan(narrow[i].value()) && std::isnan(rounded[i]));
        continue;
      }
      EXPECT_EQ(narrow[i].bits, expected.bits) << values[i];
      EXPECT_EQ(rounded[i], expected.value()) << values[i];
    }
  }
}

TEST(Half, BulkConversionEqualsTheScalarOneAtOddLengthsOnEveryInstructionSet) {
  const int64_t all = hwy::SupportedTargets();
  for (int64_t rest = all; rest != 0; rest &= rest - 1) {
    const int64_t target = rest & -rest;
    SCOPED_TRACE(hwy::TargetName(target));
    hwy::SetSupportedTargetsForTest(target);
    hwy::GetChosenTarget().Update(target);
    expect_bulk_equals_scalar();
    expect_bulk_bfloat16_equals_scalar();
  }
  hwy::SetSupportedTargetsForTest(0);
  hwy::GetChosenTarget().Update(all);
}

TEST(BFloat16, RoundsToNearestEven) {
  EXPECT_EQ(BFloat16::from(1 + 0x1p-8f).value(), 1);
  EXPECT_EQ(BFloat16::from(1 + 0x1.8p-8f).value(), 1 + 0x1p-7f);
  EXPECT_EQ(BFloat16::from(1 + 0x1p-7f + 0x1p-8f).value(), 1 + 0x1p-6f);
  EXPECT_TRUE(std::isnan(BFloat16::from(NAN).value()));
}

}  // namespace
}  // namespace anemone
