// Convolutions: against NumPy, the published examples, and plain loops over the specification's accumulator.
#include <gmock/gmock.h>

#include "device/sim/arithmetic/winograd.h"
#include "device/sim/program_testing.h"

namespace anemone::sim {
namespace {

using mil::Chip;
using mil::Shape;
using mil::Tensor;
using mil::Value;
using testing::ElementsAre;

struct Settings {
  std::vector<int64_t> strides, dilations, pad;  // pad: before and after, of each dimension
  int64_t groups = 1;
};

Value conv(Draft& d, Value x, Value weight, const Settings& s, std::optional<Value> bias = std::nullopt) {
  mil::Builder::Arguments arguments{{"x", x},
                                    {"weight", weight},
                                    {"strides", Tensor::ints(s.strides)},
                                    {"dilations", Tensor::ints(s.dilations)},
                                    {"pad_type", Tensor::text("custom")},
                                    {"pad", Tensor::ints(s.pad)},
                                    {"groups", Tensor::integer(s.groups)}};
  if (bias) arguments.emplace_back("bias", *bias);
  return d.builder.apply("conv", arguments);
}

Settings plain(size_t dimensions) {
  return {std::vector<int64_t>(dimensions, 1), std::vector<int64_t>(dimensions, 1),
          std::vector<int64_t>(2 * dimensions, 0)};
}

struct Operands {
  Tensor x, weight;
  std::optional<Tensor> bias{};
};

Halves convolved(Chip chip, const Operands& o, const Settings& s) {
  Draft d;
  const Value x = d.input("x", o.x.type().shape), w = d.weight("w", o.weight);
  d.builder.output("y", conv(d, x, w, s, o.bias ? std::optional(d.weight("b", *o.bias)) : std::nullopt));
  return patterns_of(run(chip, d, {o.x})[0]);
}

// ---- Against NumPy

// Written by tests/golden/sim/make_convolution.py.
TEST(SimConvolution, EqualsNumPys) {
  const nlohmann::json cases = golden("convolution.json");
  for (const nlohmann::json& golden : cases) {
    SCOPED_TRACE(golden.dump());
    const auto shape = [&](const char* name) { return golden[name].get<Shape>(); };
    const Shape exponents = shape("exponents"), weight = shape("weight");
    const auto seed = golden["seed"].get<uint64_t>();
    const auto draw = [&](uint64_t i, const Shape& of, int64_t exponent) {
      return of_patterns(of, drawn(seed + i, mil::count(of), int(exponent)));
    };
    Operands operands{draw(0, shape("x"), exponents[0]), draw(1, weight, exponents[1])};
    if (golden["bias"].get<bool>()) operands.bias = draw(2, {weight[0]}, exponents[0] + exponents[1]);
    const Halves y = convolved(*mil::parse_chip(golden["chip"].get<std::string>()), operands,
                               {shape("strides"), shape("dilations"), shape("pad"), golden["groups"].get<int64_t>()});
    const auto first = golden["results"].get<std::vector<uint16_t>>();
    for (size_t i = 0; i < first.size(); ++i) ASSERT_EQ(y[i].bits, first[i]) << i;
    EXPECT_EQ(checksum(y), golden["checksum"].get<std::string>());
  }
}

// ---- Against plain loops, where neither dimensions nor order come from the simulator

// y[o, p…] of one image x [channels, D…] for one result channel: taps in the order of the weight.
Half plain_sum(const Operands& o, const Settings& s, int64_t result, const Shape& place) {
  const Shape &x = o.x.type().shape, &w = o.weight.type().shape;
  const Halves xs = patterns_of(o.x), ws = patterns_of(o.weight);
  const int64_t group = result / (w[0] / s.groups);
  Accumulator sum = o.bias ? Accumulator(patterns_of(*o.bias)[size_t(result)]) : Accumulator();
  const int64_t taps = mil::count({w.begin() + 2, w.end()});
  for (int64_t c = 0; c < w[1]; ++c) {
    for (int64_t tap = 0; tap < taps; ++tap) {
      int64_t at = group * w[1] + c, rest = tap, before = taps;
      bool inside = true;
      for (size_t d = 2; d < w.size(); ++d) {
        before /= w[d];
        const int64_t i = place[d - 2] * s.strides[d - 2] + rest / before * s.dilations[d - 2] - s.pad[2 * (d - 2)];
        rest %= before;
        inside = inside && i >= 0 && i < x[d];
        at = at * x[d] + i;
      }
      if (inside) sum.add(xs[size_t(at)], ws[size_t((result * w[1] + c) * taps + tap)]);
    }
  }
  return sum.result();
}

void expect_plain(Chip chip, const Operands& o, const Settings& s) {
  const Shape &x = o.x.type().shape, &w = o.weight.type().shape;
  Shape out;
  for (size_t d = 2; d < w.size(); ++d) {
    const int64_t reach = (w[d] - 1) * s.dilations[d - 2] + 1;
    out.push_back((x[d] + s.pad[2 * d - 4] + s.pad[2 * d - 3] - reach) / s.strides[d - 2] + 1);
  }
  const Halves y = convolved(chip, o, s);
  const int64_t places = mil::count(out);
  ASSERT_EQ(std::ssize(y), w[0] * places);
  for (int64_t i = 0; i < std::ssize(y); ++i) {
    Shape place(out.size());
    for (size_t d = out.size(), rest = size_t(i % places); d-- > 0; rest /= size_t(out[d])) {
      place[d] = int64_t(rest) % out[d];
    }
    ASSERT_EQ(y[size_t(i)].bits, plain_sum(o, s, i / places, place).bits) << i;
  }
}

Operands random_operands(const Shape& x, const Shape& weight, bool bias, int exponent) {
  Random random(uint64_t(mil::count(x)));
  Operands o{of_patterns(x, near(random, mil::count(x), exponent)),
             of_patterns(weight, near(random, mil::count(weight), 0))};
  if (bias) o.bias = of_patterns({weight[0]}, near(random, weight[0], exponent));
  return o;
}

TEST(SimConvolution, IsThePlainSumInOneDimension) {
  expect_plain(Chip::m4, random_operands({1, 3, 11}, {4, 3, 3}, true, 0), {{1}, {1}, {1, 1}});
  expect_plain(Chip::m4, random_operands({1, 6, 17}, {4, 3, 4}, false, -5), {{3}, {2}, {2, 0}, 2});
  expect_plain(Chip::m4, random_operands({1, 300, 9}, {40, 300, 1}, true, 9), plain(1));  // overflows here and there
}

TEST(SimConvolution, IsThePlainSumInTwoDimensions) {
  expect_plain(Chip::m4, random_operands({1, 4, 7, 9}, {6, 2, 3, 2}, true, 0), {{2, 1}, {1, 3}, {2, 0, 1, 3}, 2});
  expect_plain(Chip::m4, random_operands({1, 5, 6, 7}, {5, 1, 3, 3}, false, 1), {{1, 1}, {1, 1}, {1, 1, 1, 1}, 5});
  expect_plain(Chip::m4, random_operands({1, 3, 5, 9}, {4, 3, 1, 1}, true, 0), {{2, 3}, {1, 1}, {0, 0, 0, 0}});
  expect_plain(Chip::m4, random_operands({1, 3, 5, 9}, {4, 3, 1, 1}, true, 0), {{1, 1}, {1, 1}, {1, 0, 0, 2}});
}

TEST(SimConvolution, IsThePlainSumInThreeDimensions) {
  expect_plain(Chip::m4, random_operands({1, 2, 4, 5, 6}, {4, 2, 2, 3, 2}, true, 0),
               {{1, 2, 1}, {1, 1, 2}, {0, 1, 1, 0, 2, 2}});
  expect_plain(Chip::m5, random_operands({1, 2, 4, 5, 6}, {4, 2, 3, 3, 3}, true, 0), plain(3));
}

// ---- The published examples, as programs

// Of one place whose channels are `x`, with one weight for each and a bias.
double summed(const std::vector<double>& x, const std::vector<double>& w, std::optional<double> bias = std::nullopt) {
  const auto n = std::ssize(x);
  Operands o{halves({1, n, 1, 1}, x), halves({1, n, 1, 1}, w)};
  if (bias) o.bias = halves({1}, {*bias});
  return convolved(Chip::m4, o, plain(2))[0].value();
}

TEST(SimConvolution, OverflowSticks) {
  EXPECT_EQ(summed({16384, 16376}, {1, 1}), 32768);
  EXPECT_EQ(summed({16384, 16384}, {1, 1}), INFINITY);
  EXPECT_EQ(summed({16384, 16384, -16384, -16384, 1}, {1, 1, 1, 1, 1}), INFINITY);
  EXPECT_EQ(summed({-16384, 16384, 16384, -16384, 1}, {1, 1, 1, 1, 1}), 1);
  EXPECT_EQ(summed({16384, 16384, 1}, {-1, -1, 1}), -INFINITY);
}

TEST(SimConvolution, BeginsWithTheBias) {
  EXPECT_EQ(summed({16384, 16384}, {1, 1}, -16384), 16384);
  EXPECT_EQ(summed({32736}, {1}, 32), INFINITY);
  EXPECT_EQ(summed({0}, {0}, 0x1p-17), 0x1p-16);
}

TEST(SimConvolution, RoundsDropsAndAligns) {
  EXPECT_EQ(summed({2048, 1}, {1, 1}), 2050);
  EXPECT_EQ(summed({-4096, -2}, {1, 1}), -4100);
  EXPECT_EQ(summed({0.125}, {0x1.8p-13}), 0x1p-15);
  EXPECT_EQ(summed({0x1.ep-3}, {0x1.ep-14}), 0);
  EXPECT_EQ(summed({0x1.8p-16}, {1}), 0x1p-15);
}

TEST(SimConvolution, ReadsInfinityAndNaNAsNumbers) {
  const auto scaled = [](Half x, double w) {
    return convolved(Chip::m4, {of_patterns({1, 1, 1, 1}, {x}), halves({1, 1, 1, 1}, {w})}, plain(2))[0];
  };
  EXPECT_EQ(scaled({0x7C00}, 0x1p-12).value(), 16);
  EXPECT_EQ(scaled({0x7E00}, 0x1p-12).value(), 24);
  EXPECT_EQ(scaled({0x8000}, 1).bits, 0);
}

// ---- Winograd's algorithm

// A row of pixels and a kernel of three.
std::vector<double> row(Chip chip, const std::vector<double>& x, const std::vector<double>& g,
                        std::optional<double> bias = std::nullopt) {
  Operands o{halves({1, 1, 1, std::ssize(x)}, x), halves({1, 1, 1, 3}, g)};
  if (bias) o.bias = halves({1}, {*bias});
  std::vector<double> y;
  for (Half half : convolved(chip, o, plain(2))) y.push_back(half.value());
  return y;
}

TEST(SimWinograd, TransformsKernelsAsPublished) {
  const auto transformed = [](double g0, double g1, double g2) {
    std::vector<double> u;
    for (Half half : transformed_kernel(half_away(g0), half_away(g1), half_away(g2))) u.push_back(half.value());
    return u;
  };
  EXPECT_THAT(transformed(1, 1, 1), ElementsAre(1, 1.5, 0.5, 1));
  EXPECT_THAT(transformed(0, 0x1p-24, 0), ElementsAre(0, 0x1p-24, -0x1p-24, 0));
}

// g = (0, 2^-24, 0) is made (0, 2^-24, -2^-24, 0), halves of the unit going away from zero: y0 = (d1 + d2)·u1 + (d2 −
// d1)·u2 is twice what it should be. The products are of one unit and half a unit of 2^-16.
TEST(SimWinograd, RoundsTheKernelsTransform) {
  EXPECT_THAT(row(Chip::m4, {0, 256, 0, 0}, {0, 0x1p-24, 0}), ElementsAre(0x1p-16, 0));
  EXPECT_THAT(row(Chip::m5, {0, 256, 0, 0}, {0, 0x1p-24, 0}), ElementsAre(0x1p-15, 0));
}

// d0 − d2 = 2049 becomes 2050.
TEST(SimWinograd, RoundsThePixelsTransform) {
  EXPECT_THAT(row(Chip::m4, {2048, 0, -1, 0}, {1, 0, 0}), ElementsAre(2048, 0));
  EXPECT_THAT(row(Chip::m5, {2048, 0, -1, 0}, {1, 0, 0}), ElementsAre(2050, 0));
  EXPECT_THAT(row(Chip::m6, {2048, 0, -1, 0}, {1, 0, 0}), ElementsAre(2050, 0));
}

// The sums are kept in fixed point: M0 + M1 + M2 = 3 of (1, 1, 1) times (1, 1, 1), whatever the parts.
TEST(SimWinograd, AddsTheFourSums) {
  EXPECT_THAT(row(Chip::m5, {1, 1, 1, 1}, {1, 1, 1}), ElementsAre(3, 3));
  EXPECT_THAT(row(Chip::m5, {1, 2, 3, 4, 5}, {1, 1, 1}), ElementsAre(6, 9, 12));
}

// The choices winograd-bias and winograd-overflow. M1 of (16384 + 16384)·1 overflows, so that y1 is infinite, which it
// is not where it is computed directly; M0's overflow does not touch y1, which leaves it out; the bias is M1's first
// value.
TEST(SimWinograd, ItsSumsOverflowOneByOne) {
  EXPECT_THAT(row(Chip::m5, {1, 1, 1, 1}, {1, 1, 1}, 0.5), ElementsAre(3.5, 3.5));
  EXPECT_THAT(row(Chip::m4, {0, 16384, 16384, 0}, {0, 1, 1}), ElementsAre(INFINITY, 16384));
  EXPECT_THAT(row(Chip::m5, {0, 16384, 16384, 0}, {0, 1, 1}), ElementsAre(INFINITY, INFINITY));
  EXPECT_THAT(row(Chip::m5, {32768, 0, 0, 1}, {1, 0, 0}), ElementsAre(INFINITY, 0));
  EXPECT_THAT(row(Chip::m5, {0, 16384, 0, 0}, {0, 1, 0}, 32000), ElementsAre(INFINITY, INFINITY));
}

// M1 and M2 of 40000 and -40000: the first that overflowed is the result.
TEST(SimWinograd, ItsFirstOverflowIsTheResult) {
  EXPECT_THAT(row(Chip::m5, {0, 40000, 0, 0}, {1, 0, 1}), ElementsAre(INFINITY, INFINITY));
  EXPECT_THAT(row(Chip::m5, {0, -40000, 0, 0}, {1, 0, 1}), ElementsAre(-INFINITY, -INFINITY));
}

TEST(SimWinograd, IsNotForWeightsOfTheRun) {
  const auto product = [](Chip chip) {
    Draft d;
    const Value x = d.input("x", {1, 1, 1, 4}), w = d.input("w", {1, 1, 1, 3});
    d.builder.output("y", conv(d, x, w, plain(2)));
    return patterns_of(run(chip, d, {halves({1, 1, 1, 4}, {2048, 0, -1, 0}), halves({1, 1, 1, 3}, {1, 0, 0})})[0])[0];
  };
  EXPECT_EQ(product(Chip::m5).value(), 2048);
}

TEST(SimWinograd, IsNotForSparseWeights) {
  Draft d;
  const Value w = d.builder.apply(
      "constexpr_sparse_to_dense",
      {{"nonzero_data", Tensor::from_numbers({mil::DType::fp16, {1}}, std::vector<double>{1})},
       {"mask", Tensor::from_numbers({mil::DType::uint1, {1, 1, 1, 3}}, std::vector<double>{1, 0, 0})}});
  d.builder.output("y", conv(d, d.input("x", {1, 1, 1, 4}), w, plain(2)));
  EXPECT_EQ(patterns_of(run(Chip::m5, d, {halves({1, 1, 1, 4}, {2048, 0, -1, 0})})[0])[0].value(), 2048);
}

}  // namespace
}  // namespace anemone::sim
