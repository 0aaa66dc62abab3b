// Elementwise ops as programs: the choices of division and powers, booleans, and the boundary.
#include "device/sim/arithmetic/elementwise.h"

#include <gmock/gmock.h>

#include "device/sim/arithmetic/table_functions.h"
#include "device/sim/lowering.h"
#include "device/sim/program_testing.h"

namespace anemone::sim {
namespace {

using mil::Chip;
using mil::DType;
using mil::Tensor;
using mil::Value;
using testing::ElementsAre;

Half times(Half x, Half y) { return combine(Combination::mul, x, y); }

// Every half with one of another sequence, by an op of x and y.
struct Pairs {
  Halves x, y;
  Pairs() {
    Random random(1);
    for (int bits = 0; bits < 65536; ++bits) x.push_back({uint16_t(bits)}), y.push_back(any_half(random));
  }
  template <class Write>
  Halves results(const Write& write) const {
    Draft d;
    const mil::Shape shape{1, 256, 1, 256};
    const Value a = d.input("x", shape), b = d.input("y", shape);
    d.builder.output("z", write(a, b));
    return patterns_of(run(Chip::m4, d, {of_patterns(shape, x), of_patterns(shape, y)})[0]);
  }
  template <class Write, class Expect>
  void expect(const Write& write, const Expect& expected) const {
    const Halves z = results(write);
    for (size_t i = 0; i < z.size(); ++i) {
      ASSERT_EQ(z[i].bits, expected(x[i], y[i]).bits) << "of " << x[i].bits << " and " << y[i].bits;
    }
  }
};

TEST(SimElementwise, DividesByTheInversesTable) {
  Pairs().expect([](Value x, Value y) { return x / y; }, [](Half x, Half y) { return times(x, inverse_of(y)); });
}

// 1/y is off by 13.5 units in the last place, which the product rounds once more.
TEST(SimElementwise, DividesNearly) {
  const Pairs pairs;
  const Halves z = pairs.results([](Value x, Value y) { return x / y; });
  for (size_t i = 0; i < z.size(); ++i) {
    const double x = pairs.x[i].value(), y = pairs.y[i].value(), exact = x / y;
    const bool moderate = std::fabs(y) > 0x1p-14 && std::fabs(y) < 0x1p14 && std::fabs(exact) > 0x1p-14;
    if (!moderate || !(std::fabs(exact) < 60000) || !std::isfinite(x)) continue;
    ASSERT_NEAR(z[i].value() / exact, 1, 15 * 0x1p-10) << x << " / " << y;
  }
}

TEST(SimElementwise, RaisesToPowersByTheTables) {
  const Pairs pairs;
  const auto to_the = [](double exponent) { return [exponent](Value x, Value) { return pow(x, exponent); }; };
  pairs.expect(to_the(2), [](Half x, Half) { return times(x, x); });
  pairs.expect(to_the(0.5), [](Half x, Half) { return sqrt_of(x); });
  pairs.expect(to_the(-0.5), [](Half x, Half) { return rsqrt_of(x); });
  pairs.expect(to_the(-1), [](Half x, Half) { return inverse_of(x); });
  pairs.expect(to_the(3), [](Half x, Half) { return exp_of(times(log_of(x), half_away(3))); });
  pairs.expect([](Value x, Value y) { return pow(x, y); }, [](Half x, Half y) { return exp_of(times(log_of(x), y)); });
}

TEST(SimElementwise, RepeatsWhatIsShorter) {
  Draft d;
  const Value x = d.input("x", {2, 1, 3}), y = d.input("y", {4, 1});
  d.builder.output("z", x - y);
  const Halves z =
      patterns_of(run(Chip::m4, d, {halves({2, 1, 3}, {1, 2, 3, 4, 5, 6}), halves({4, 1}, {10, 20, 30, 2049})})[0]);
  ASSERT_EQ(z.size(), 24u);
  for (size_t i = 0; i < 24; ++i) {
    const double left = double(i / 12 * 3 + i % 3 + 1), right = std::vector<double>{10, 20, 30, 2050}[i / 3 % 4];
    EXPECT_EQ(z[i], half_away(left - right)) << i;
  }
}

// clip between the values that the engine's accumulator bears.
TEST(SimElementwise, Clips) {
  Pairs().expect([](Value x, Value) { return clip(x, -32752, 32752); },
                 [](Half x, Half) { return half_away(std::clamp(decode(x), -32752.0, 32752.0)); });
}

TEST(SimElementwise, SelectsByBooleans) {
  Draft d;
  const Value x = d.input("x", {4}), y = d.input("y", {4});
  const Value is_less = mil::less(x, y);
  d.builder.output("is_less", is_less);
  d.builder.output("least", mil::select(is_less, x, y));
  d.builder.output("as_half", cast(is_less, DType::fp16));
  const auto outputs = run(Chip::m4, d, {halves({4}, {1, 5, -3, 0}), halves({4}, {2, 4, -2, 0})});
  EXPECT_THAT(outputs[0].numbers(), ElementsAre(1, 0, 1, 0));
  EXPECT_THAT(outputs[1].numbers(), ElementsAre(1, 4, -3, 0));
  EXPECT_THAT(outputs[2].numbers(), ElementsAre(1, 0, 1, 0));
}

// Values declared fp32 are halves inside: the choice boundary-casts.
TEST(SimBoundary, RoundsFloatsToHalves) {
  Draft d;
  const Value x = d.builder.input("x", {DType::fp32, {6}});
  const Value h = cast(x, DType::fp16);
  d.builder.output("h", h);
  d.builder.output("y", cast(h * h, DType::fp32) + x);
  d.builder.output("c", x * d.builder.constant(Tensor::scalar(DType::fp32, 0.1)));
  const Tensor floats =
      Tensor::from_numbers({DType::fp32, {6}}, std::vector<double>{1, 1 + 0x1p-11, -1 - 0x1p-11, 70000, -0.0, 0x1p-25});
  const auto outputs = run(Chip::m4, d, {floats});
  const double next = 1 + 0x1p-10;
  EXPECT_EQ(patterns_of(outputs[0]), patterns_of(halves({6}, {1, next, -next, INFINITY, 0, 0x1p-24})));
  EXPECT_THAT(outputs[1].numbers(), ElementsAre(2, 2 + 0x1p-8, testing::_, INFINITY, 0, 0x1p-24));
  EXPECT_EQ(outputs[2].number(0), Half::from(0.1).value());
}

// Whatever passes through fp32 says so.
TEST(SimBoundary, NamesItsChoice) {
  const auto leans = [](DType from, DType to) {
    Draft d;
    d.builder.output("y", tanh(cast(d.builder.input("x", {from, {6}}), to)));
    Tables tables;
    const Plan plan = *lower(*d.builder.finish(), {}, {.tables = &tables});
    return std::ranges::any_of(plan.choices, [](const auto& of_operation) {
      return std::ranges::find(of_operation.second, Choice::boundary_casts) != of_operation.second.end();
    });
  };
  EXPECT_TRUE(leans(DType::fp32, DType::fp16));
  EXPECT_TRUE(leans(DType::fp32, DType::fp32));
  EXPECT_FALSE(leans(DType::fp16, DType::fp16));
}

}  // namespace
}  // namespace anemone::sim
