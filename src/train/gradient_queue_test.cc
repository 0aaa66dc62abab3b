#include "train/gradient_queue.h"

#include <gtest/gtest.h>

#include <cmath>

#include "base/random_floats.h"

namespace anemone::train {
namespace {

struct Shape {
  int64_t outputs, inputs, tokens;
};
constexpr Shape kShapes[] = {{1, 1, 1}, {5, 7, 3}, {33, 17, 40}};

float rounded(float value, Precision precision) {
  return precision == Precision::bf16 ? BFloat16::from(value).value() : value;
}

// dw + dy·xᵀ in double, of factors as the precision has them.
std::vector<double> product(const Shape& s, Precision precision, const std::vector<float>& dw,
                            const std::vector<float>& dy, const std::vector<float>& x) {
  std::vector<double> sums(dw.begin(), dw.end());
  for (int64_t o = 0; o < s.outputs; ++o) {
    for (int64_t i = 0; i < s.inputs; ++i) {
      for (int64_t t = 0; t < s.tokens; ++t) {
        const float a = dy[static_cast<size_t>(o * s.tokens + t)], b = x[static_cast<size_t>(i * s.tokens + t)];
        sums[static_cast<size_t>(o * s.inputs + i)] += double{rounded(a, precision)} * rounded(b, precision);
      }
    }
  }
  return sums;
}

void expect_near(const std::vector<float>& found, const std::vector<double>& expected) {
  for (size_t i = 0; i < found.size(); ++i) ASSERT_NEAR(found[i], expected[i], 1e-5) << i;
}

// At each precision the first step replaces whatever was there, the second adds.
TEST(GradientQueue, AssignsThenAddsAtEachPrecision) {
  Timers timers;
  for (const Precision precision : {Precision::fp32, Precision::fp16, Precision::bf16}) {
    for (const bool overlap : {false, true}) {
      GradientQueue queue({.precision = precision, .overlap = overlap}, timers);
      EXPECT_EQ(queue.overlaps(), overlap);
      for (const Shape& s : kShapes) {
        const std::vector<float> dy = random_floats(s.outputs * s.tokens, 1), x = random_floats(s.inputs * s.tokens, 2);
        std::vector<float> dw(static_cast<size_t>(s.outputs * s.inputs), NAN);
        queue.begin(Into::assign);
        queue.add(dw, dy, x, s.tokens);
        queue.begin(Into::add);
        queue.wait();
        const std::vector<double> once = product(s, precision, std::vector<float>(dw.size()), dy, x);
        expect_near(dw, once);
        const std::vector<float> before = dw;
        queue.add(dw, dy, x, s.tokens);
        queue.wait();
        expect_near(dw, product(s, precision, before, dy, x));
      }
    }
  }
}

TEST(Operand, RoundsAtBfloat16AloneAndAgainWhereToldTo) {
  std::vector<float> values = random_floats(40001, 3);
  for (const Precision precision : {Precision::fp32, Precision::fp16, Precision::bf16}) {
    Operand operand(precision);
    operand.assign(values);
    values[70] = 3.14159f;
    operand.update(64, 16);
    if (precision != Precision::bf16) {
      EXPECT_EQ(operand.data(7), values.data() + 7);
      continue;
    }
    for (size_t i = 0; i < values.size(); ++i) {
      const BFloat16 expected = BFloat16::from(values[i]);
      if (factors_at(precision) == Factor::bf16) {
        ASSERT_EQ(static_cast<const BFloat16*>(operand.data(i))->bits, expected.bits);
      } else {
        ASSERT_EQ(*static_cast<const float*>(operand.data(i)), expected.value());
      }
    }
  }
}

}  // namespace
}  // namespace anemone::train
