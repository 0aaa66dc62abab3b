// int8 products, against the published examples and plain loops of integers.
#include <gmock/gmock.h>

#include "device/sim/program_testing.h"

namespace anemone::sim {
namespace {

using mil::Chip;
using mil::DType;
using mil::Shape;
using mil::Tensor;
using mil::Value;
using testing::ElementsAre;

Tensor int8s(const Shape& shape, const std::vector<double>& numbers) {
  return Tensor::from_numbers({DType::int8, shape}, numbers);
}

// x by int8 weights [results, channels, 1, …], quantized on the way: scales of the image and of the weights.
struct Quantized {
  double image_scale = 1;
  std::vector<double> weight_scales{1};
  std::optional<double> image_zero{}, weight_zero{};
  std::optional<Tensor> bias{};
  std::vector<int64_t> pad{0, 0, 0, 0};

  Value weight(Draft& d, const Tensor& integers) const {
    const bool one = weight_scales.size() == 1;
    const Shape shape = one ? Shape{} : Shape{std::ssize(weight_scales)};
    return d.builder.apply(
        "constexpr_affine_dequantize",
        {{"quantized_data", integers},
         {"scale", Tensor::from_numbers({DType::fp16, shape}, weight_scales)},
         {"zero_point", Tensor::from_numbers({DType::int8, {}}, std::vector{weight_zero.value_or(0)})},
         {"axis", Tensor::integer(-4)}});
  }

  Value image(Draft& d, Value x) const {
    mil::Builder::Arguments there{
        {"input", x}, {"scale", Tensor::scalar(DType::fp16, image_scale)}, {"output_dtype", Tensor::text("int8")}};
    if (image_zero) there.emplace_back("zero_point", int8s({}, {*image_zero}));
    mil::Builder::Arguments back{{"input", d.builder.apply("quantize", there)},
                                 {"scale", Tensor::scalar(DType::fp16, image_scale)}};
    if (image_zero) back.emplace_back("zero_point", int8s({}, {*image_zero}));
    return d.builder.apply("dequantize", back);
  }

  Halves product(const Tensor& x, const Tensor& integers) const {
    Draft d;
    mil::Builder::Arguments arguments{{"x", image(d, d.input("x", x.type().shape))},
                                      {"weight", weight(d, integers)},
                                      {"pad_type", Tensor::text("custom")},
                                      {"pad", Tensor::ints(pad)}};
    if (bias) arguments.emplace_back("bias", *bias);
    d.builder.output("y", d.builder.apply("conv", arguments));
    return patterns_of(run(Chip::m6, d, {x})[0]);
  }
};

// `count` channels of the numbers x and w.
double repeated(double x, double w, int64_t count, const Quantized& q) {
  const auto channels = [&](double value) { return std::vector<double>(size_t(count), value); };
  return q.product(halves({1, count, 1, 1}, channels(x * q.image_scale)), int8s({1, count, 1, 1}, channels(w)))[0]
      .value();
}

TEST(SimInt8, SumsExactlyAsPublished) {
  EXPECT_EQ(repeated(127, 127, 4096, {.weight_scales = {0x1p-12}}), 16128);
  EXPECT_EQ(repeated(-128, -128, 65536, {.weight_scales = {0x1p-15}}), 32768);
  EXPECT_EQ(repeated(-128, -128, 65536, {.image_scale = 0x1p-4, .weight_scales = {0x1p-15}}), 2048);
  EXPECT_EQ(repeated(127, 127, 64, {.weight_scales = {0x1p-4}}), 64512);  // beyond 32768: one rounding, of 64516
}

TEST(SimInt8, OverflowsFrom2To31WhateverTheScale) {
  EXPECT_EQ(repeated(-128, -128, 131072, {.weight_scales = {0x1p-24}}), INFINITY);
  EXPECT_EQ(repeated(-128, -128, 131072, {.weight_scales = {0}}), INFINITY);
  EXPECT_EQ(repeated(-128, 127, 133000, {.weight_scales = {0x1p-24}}), -INFINITY);  // the choice int8-overflow
  EXPECT_EQ(repeated(-128, -128, 131071, {.image_scale = 0x1p-4, .weight_scales = {0x1p-14}}), 8192);
}

TEST(SimInt8, RoundsTheImageAwayFromZero) {
  const Halves y = Quantized{.image_scale = 2}.product(halves({1, 1, 1, 7}, {1, -1, 2.99, 5, 400, -400, 0.99}),
                                                       int8s({1, 1, 1, 1}, {1}));
  EXPECT_EQ(y, patterns_of(halves({7}, {2, -2, 2, 6, 254, -256, 0})));
}

TEST(SimInt8, TakesScalesAlongAnAxis) {
  Draft d;
  const Tensor scales = halves({2}, {1, 4}), zeros = int8s({2}, {0, -3});
  const Value q = d.builder.apply("quantize", {{"input", d.input("x", {1, 2, 3})},
                                               {"scale", scales},
                                               {"zero_point", zeros},
                                               {"axis", Tensor::integer(-2)},
                                               {"output_dtype", Tensor::text("int8")}});
  d.builder.output("q", q);
  d.builder.output(
      "x_again",
      d.builder.apply("dequantize",
                      {{"input", q}, {"scale", scales}, {"zero_point", zeros}, {"axis", Tensor::integer(1)}}));
  const auto outputs = run(Chip::m4, d, {halves({1, 2, 3}, {0.5, -2.5, 7, 2, 1, -600})});
  EXPECT_THAT(outputs[0].numbers(), ElementsAre(1, -3, 7, -2, -3, -128));
  EXPECT_THAT(outputs[1].numbers(), ElementsAre(1, -3, 7, 4, 0, -500));
}

// Sums of integers in 64 bits, scaled in long double, which holds the exact result.
TEST(SimInt8, IsThePlainSumOfRandomIntegers) {
  Random random(5);
  const int64_t channels = 70, results = 6, width = 9;
  const auto integers = [&](int64_t count) {
    std::vector<double> values;
    for (int64_t i = 0; i < count; ++i) values.push_back(double(random.below(256)) - 128);
    return values;
  };
  const auto x = integers(channels * width), w = integers(results * channels * 3);
  std::vector<double> scales, image, bias{3, -0.5, 100, 0, 0x1p-10, 7};
  for (int64_t i = 0; i < results; ++i) scales.push_back(Half::from(std::ldexp(1 + random.next(), -9)).value());
  Quantized q{.image_scale = 0x1p-3, .weight_scales = scales, .image_zero = 5, .weight_zero = -7, .pad = {0, 0, 1, 1}};
  q.bias = halves({results}, bias);
  for (double value : x) image.push_back((value - 5) * q.image_scale);
  const Halves y = q.product(halves({1, channels, 1, width}, image), int8s({results, channels, 1, 3}, w));
  for (int64_t r = 0; r < results; ++r) {
    for (int64_t place = 0; place < width; ++place) {
      int64_t sum = 0;
      for (int64_t c = 0; c < channels; ++c) {
        for (int64_t tap = 0; tap < 3; ++tap) {
          const int64_t at = place + tap - 1;
          if (at < 0 || at >= width) continue;
          sum += int64_t(x[size_t(c * width + at)] - 5) * int64_t(w[size_t((r * channels + c) * 3 + tap)] + 7);
        }
      }
      const double exact = double(sum) * scales[size_t(r)] * q.image_scale + bias[size_t(r)];
      ASSERT_EQ(y[size_t(r * width + place)].bits, half_away(exact).bits) << r << ", " << place;
    }
  }
}

// Weights alone in int8 are what the halves that they stand for are.
TEST(SimInt8, WeightsAloneAreHalves) {
  Random random(6);
  std::vector<double> w, dequantized;
  for (int i = 0; i < 5 * 40; ++i) w.push_back(double(random.below(256)) - 128);
  for (double value : w) dequantized.push_back(value * 0.3125);
  const Tensor x = of_patterns({1, 40, 1, 6}, near(random, 240, 0));
  const auto product = [&](const auto& weight) {
    Draft d;
    const Value image = d.input("x", {1, 40, 1, 6});
    d.builder.output("y", conv(image, weight(d)));
    return patterns_of(run(Chip::m4, d, {x})[0]);
  };
  const Quantized q{.weight_scales = {0.3125}};
  EXPECT_EQ(product([&](Draft& d) {
              return q.weight(d, int8s({5, 40, 1, 1}, w));
            }),
            product([&](Draft& d) {
              return d.weight("w", halves({5, 40, 1, 1}, dequantized));
            }));
}

// A dequantized image that others read too is rounded to halves there.
TEST(SimInt8, OthersReadTheImageAsHalves) {
  Draft d;
  const Quantized q{.image_scale = 0.1};
  const Value x = q.image(d, d.input("x", {1, 2, 1, 1}));
  d.builder.output("x8", x);
  d.builder.output("y", conv(x, q.weight(d, int8s({1, 2, 1, 1}, {1, 1}))));
  const auto outputs = run(Chip::m4, d, {halves({1, 2, 1, 1}, {1, 2})});
  EXPECT_EQ(patterns_of(outputs[0]),
            patterns_of(halves({2}, {Half::from(0.1).value() * 10, Half::from(0.1).value() * 20})));
  EXPECT_EQ(patterns_of(outputs[1])[0], half_away(0x1.998p-4 * 30));
}

}  // namespace
}  // namespace anemone::sim
