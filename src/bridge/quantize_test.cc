#include "bridge/quantize.h"

#include <gmock/gmock.h>

#include <cmath>
#include <limits>

#include "base/random_floats.h"

namespace anemone::bridge {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

TEST(Quantize, EachChannelHasItsScale) {
  const std::vector<float> weights{127, -1, 64, 0.5, 0.25, -1};
  const auto quantized = quantize(weights, 2);
  ASSERT_TRUE(quantized);
  EXPECT_THAT(quantized->scales, ElementsAre(1, 1 / 127.0f));
  EXPECT_THAT(quantized->values, ElementsAre(127, -1, 64, 64, 32, -127));  // 63.5 and 31.75
}

TEST(Quantize, OneChannelIsTheWholeTensor) {
  const auto quantized = quantize(std::vector<float>{-254, 2, 1, -1, 3, -3}, 1);
  ASSERT_TRUE(quantized);
  EXPECT_THAT(quantized->scales, ElementsAre(2));
  EXPECT_THAT(quantized->values, ElementsAre(-127, 1, 1, -1, 2, -2));  // halves go away from zero
}

TEST(Quantize, ZerosHaveScaleOne) {
  const auto quantized = quantize(std::vector<float>{0, -0.0f, 127, 0}, 2);
  ASSERT_TRUE(quantized);
  EXPECT_THAT(quantized->scales, ElementsAre(1, 1));
  EXPECT_THAT(quantized->values, ElementsAre(0, 0, 127, 0));
}

// The bound that the method promises, half a step, and that each channel uses the whole range.
TEST(Quantize, ErrorIsHalfAStep) {
  constexpr size_t kRows = 16, kColumns = 100;
  std::vector<float> weights = random_floats(kRows * kColumns, 3);
  for (size_t i = 0; i < weights.size(); ++i) {
    const size_t row = i / kColumns;
    weights[i] *= std::pow(10.0f, static_cast<float>(row) - 8);
  }
  const auto quantized = quantize(weights, kRows);
  ASSERT_TRUE(quantized);
  for (size_t row = 0; row < kRows; ++row) {
    int largest = 0;
    for (size_t i = row * kColumns; i < (row + 1) * kColumns; ++i) {
      const float back = static_cast<float>(quantized->values[i]) * quantized->scales[row];
      EXPECT_LE(std::abs(back - weights[i]), quantized->scales[row] * 0.50001f) << i;
      largest = std::max(largest, std::abs(int{quantized->values[i]}));
    }
    EXPECT_EQ(largest, 127) << row;
  }
}

TEST(Quantize, SubnormalWeightsStayInRange) {
  const float tiny = std::numeric_limits<float>::denorm_min();
  const auto quantized = quantize(std::vector<float>{190 * tiny, -190 * tiny}, 1);  // the scale is 1.496, stored as 1
  ASSERT_TRUE(quantized);
  EXPECT_THAT(quantized->values, ElementsAre(127, -127));
}

TEST(Quantize, WhatIsNotFiniteIsRefused) {
  for (const float bad : {std::numeric_limits<float>::infinity(), std::numeric_limits<float>::quiet_NaN()}) {
    const auto quantized = quantize(std::vector<float>{1, 2, bad, 4}, 2);
    ASSERT_FALSE(quantized);
    EXPECT_THAT(quantized.error().message, HasSubstr("weight 2"));
  }
}

}  // namespace
}  // namespace anemone::bridge
