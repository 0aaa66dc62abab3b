#include "device/sim/kernels/elementwise.h"

#include <gtest/gtest.h>

#include "base/random.h"
#include "base/targets_testing.h"

namespace anemone::sim {
namespace {

constexpr Combination kAll[] = {Combination::add, Combination::sub, Combination::mul, Combination::maximum,
                                Combination::minimum};

double of(Combination how, double x, double y) { return combine(how, half_away(x), half_away(y)).value(); }

// The worked examples of the published measurements.
TEST(Elementwise, RoundsTheExactResultOnce) {
  EXPECT_EQ(of(Combination::add, 2048, 1), 2050);
  EXPECT_EQ(of(Combination::add, 16384, 16384), 32768);
  EXPECT_EQ(of(Combination::mul, 0x1p-12, 0x1p-12), 0x1p-24);
  EXPECT_EQ(of(Combination::mul, 256, 256), INFINITY);
  EXPECT_EQ(combine(Combination::add, {0x7E00}, half_away(1)), kInfinity);
}

using ElementwiseKernel = OnEachTarget;
INSTANTIATE_ON_EACH_TARGET(ElementwiseKernel);

void expect_equal(Combination how, const std::vector<Half>& x, const std::vector<Half>& y) {
  Guarded<Half> z(x.size(), 1);
  combine(how, {x.data(), 1}, {y.data(), 1}, z.data(), std::ssize(x));
  z.expect_intact();
  for (size_t i = 0; i < x.size(); ++i) {
    ASSERT_EQ(z[i].bits, combine(how, x[i], y[i]).bits)
        << "of " << x[i].bits << " and " << y[i].bits << ", combination " << int(how);
  }
}

TEST_P(ElementwiseKernel, IsTheSpecificationOnRandomPatterns) {
  Random random(1);
  std::vector<Half> x(300001), y(x.size());
  for (size_t i = 0; i < x.size(); ++i)
    x[i].bits = uint16_t(random.below(65536)), y[i].bits = uint16_t(random.below(65536));
  for (Combination how : kAll) expect_equal(how, x, y);
}

// Every pattern with some of each exponent: sums that cancel, ties, ties but for a little.
TEST_P(ElementwiseKernel, IsTheSpecificationOnAllPairsOfExponents) {
  std::vector<Half> x, y;
  for (int a = 0; a < 64; ++a) {
    for (int b = 0; b < 64; ++b) {
      for (int mantissa : {0, 1, 511, 512, 513, 1023}) {
        for (int other : {0, 1, 2, 512, 1022, 1023}) {
          x.push_back({uint16_t(a << 10 | mantissa)});
          y.push_back({uint16_t(b << 10 | other)});
        }
      }
    }
  }
  for (Combination how : kAll) expect_equal(how, x, y);
}

TEST_P(ElementwiseKernel, RepeatsAndSkips) {
  const std::vector<Half> x{half_away(1), half_away(2), half_away(3), half_away(4), half_away(5), half_away(6)};
  std::vector<Half> z(3);
  combine(Combination::add, {x.data(), 2}, {x.data() + 1, 0}, z.data(), 3);
  EXPECT_EQ(z, (std::vector<Half>{half_away(3), half_away(5), half_away(7)}));
}

TEST(LookUp, ReadsByPattern) {
  Tabulated table;
  for (size_t i = 0; i < table.size(); ++i) table[i].bits = uint16_t(~i);
  const std::vector<Half> x{{0}, {0x8000}, {0xFFFF}, {0x3C00}};
  std::vector<Half> y(4);
  look_up(table, x.data(), y.data(), 4);
  for (size_t i = 0; i < 4; ++i) EXPECT_EQ(y[i].bits, uint16_t(~x[i].bits));
}

}  // namespace
}  // namespace anemone::sim
