// Activations: their rules, their limits, and that their compositions and gradients keep to them.
#include <gmock/gmock.h>

#include <cmath>
#include <limits>

#include "mil/op_testing.h"
#include "mil/rewrite.h"

namespace anemone::mil {
namespace {

using testing::AllOf;
using testing::Each;
using testing::ElementsAre;
using testing::Ge;
using testing::HasSubstr;
using testing::Le;
using testing::Pointwise;

Tensor fp32(const std::vector<double>& numbers) { return row(DType::fp32, numbers); }
Tensor number(double value) { return Tensor::scalar(DType::fp32, value); }

TEST(Activation, KeepsItsLimits) {
  const Tensor infinite = fp32({-INFINITY, 0, INFINITY}), large = fp32({-1000, 0, 1000});
  EXPECT_TRUE(std::isnan(values("relu", {{"x", fp32({NAN})}})[0]));
  EXPECT_THAT(values("sigmoid", {{"x", infinite}}), ElementsAre(0, 0.5, 1));
  EXPECT_THAT(values("silu", {{"x", large}}), ElementsAre(0, 0, 1000));
  EXPECT_THAT(values("relu6", {{"x", infinite}}), ElementsAre(0, 0, 6));
  EXPECT_THAT(values("softplus", {{"x", infinite}}), ElementsAre(0, static_cast<float>(std::log(2.0)), INFINITY));
  EXPECT_THAT(values("elu", {{"x", infinite}, {"alpha", number(0.5)}}), ElementsAre(-0.5, 0, INFINITY));
  for (const char* mode : {"EXACT", "TANH_APPROXIMATION", "SIGMOID_APPROXIMATION"}) {
    EXPECT_THAT(values("gelu", {{"x", large}, {"mode", Tensor::text(mode)}}), ElementsAre(0, 0, 1000)) << mode;
  }
}

TEST(Activation, NumbersAreOne) {
  EXPECT_EQ(error("elu", {{"x", fp32({1})}, {"alpha", fp32({})}}),
            "elu: parameter alpha is tensor<fp32, [0]>, expected one number");
  EXPECT_THAT(error("scaled_tanh", {{"x", fp32({1})}, {"alpha", number(1)}, {"beta", fp32({1, 2})}}),
              HasSubstr("scaled_tanh: parameter beta"));
  EXPECT_THAT(error("softmax", {{"x", fp32({1})}, {"axis", Tensor::ints({})}}), HasSubstr("expected one number"));
}

TEST(Activation, NumbersOfTheOtherFloatTypeCameWithIos17) {
  const std::pair<const char*, GivenArguments> calls[] = {
      {"leaky_relu", {{"x", row(DType::fp16, {1})}, {"alpha", number(1)}}},
      {"prelu", {{"x", zeros(DType::fp16, {1, 1, 1})}, {"alpha", fp32({1})}}},
      {"softplus_parametric", {{"x", zeros(DType::fp16, {1, 1})}, {"alpha", fp32({1})}, {"beta", fp32({1})}}},
  };
  for (const auto& [op, arguments] : calls) {
    EXPECT_EQ(Call(op, arguments, "ios17").error(), "");
    EXPECT_THAT(Call(op, arguments, "ios16").error(), HasSubstr("must have the element type fp16")) << op;
  }
}

TEST(Gelu, OtherModesAreRefused) {
  EXPECT_EQ(error("gelu", {{"x", fp32({1})}, {"mode", Tensor::text("exact")}}),
            "gelu: mode is \"exact\", expected EXACT, TANH_APPROXIMATION or SIGMOID_APPROXIMATION");
}

TEST(Prelu, ChecksRankAndChannels) {
  const auto prelu = [](const Shape& x, const std::vector<double>& alpha) {
    return error("prelu", {{"x", zeros(DType::fp16, x)}, {"alpha", row(DType::fp16, alpha)}});
  };
  EXPECT_EQ(prelu({1, 2, 1, 3}, {1, 2}), "");
  EXPECT_EQ(prelu({1, 2, 3}, {2, 2}), "");
  EXPECT_EQ(prelu({1, 2, 3}, {1, 2}), "prelu: the numbers of alpha differ, which x of rank 3 does not allow");
  EXPECT_THAT(prelu({1, 2, 3, 1, 1}, {1, 2}), HasSubstr("rank 5"));
  EXPECT_EQ(prelu({1, 2}, {1, 2}), "prelu: x has rank 2, expected 3 to 5");
  EXPECT_EQ(prelu({1, 2, 1, 3}, {1}), "prelu: alpha is [1], expected [2]");
}

TEST(SoftplusParametric, ChecksChannels) {
  const auto softplus = [](const Shape& x, const std::vector<double>& alpha, const std::vector<double>& beta) {
    return error("softplus_parametric",
                 {{"x", zeros(DType::fp16, x)}, {"alpha", row(DType::fp16, alpha)}, {"beta", row(DType::fp16, beta)}});
  };
  EXPECT_EQ(softplus({2}, {1, 2}, {1, 2}), "softplus_parametric: x has rank 1, expected channels at axis 1");
  EXPECT_EQ(softplus({1, 2}, {1}, {1, 2}), "softplus_parametric: alpha is [1], expected [2]");
  EXPECT_EQ(softplus({1, 2}, {1, 2}, {}), "softplus_parametric: beta is [0], expected [2]");
}

TEST(Softmax, LargeValuesDoNotOverflow) {
  EXPECT_THAT(values("softmax", {{"x", fp32({60000, 60000, -60000})}}), ElementsAre(0.5, 0.5, 0));
  EXPECT_THAT(values("softmax", {{"x", row(DType::fp16, {-INFINITY, 3})}}), ElementsAre(0, 1));
}

// ---- Compositions.

std::vector<double> composed_values(const Call& call, Rounding rounding) {
  const auto any = [](const OpDef&) { return true; };
  const auto function = expand(*call.function(), any, Arithmetic::fp32);
  EXPECT_TRUE(function) << function.error().message;
  return (*Interpreter::create(*function, {}, rounding)).run(call.inputs())[0].data;
}

TEST(Composition, EqualsTheOpOnItsGoldenValues) {
  for (const char* family : {"elementwise", "activation"}) {
    for (const GoldenCase& golden : golden_cases(family)) {
      if (!find_op(golden.op)->compose) continue;
      const std::vector<double> expected = golden.results[0].numbers();
      const std::vector<double> found =
          composed_values(Call(golden.op, golden.arguments, golden.opset), Rounding::none);
      for (size_t i = 0; i < expected.size(); ++i) {
        ASSERT_NEAR(found[i], expected[i], 1e-6 * std::max(1.0, std::fabs(expected[i]))) << golden.text;
      }
    }
  }
}

// Every activation of x alone or of x and one or two numbers.
std::vector<std::pair<std::string, GivenArguments>> activations(const Tensor& x) {
  std::vector<std::pair<std::string, GivenArguments>> uses;
  for (const char* op : {"relu", "relu6", "sigmoid", "silu", "softplus", "softsign"}) uses.push_back({op, {{"x", x}}});
  for (const char* op : {"leaky_relu", "elu", "thresholded_relu"}) {
    uses.push_back({op, {{"x", x}, {"alpha", number(0.5)}}});
  }
  for (const char* op : {"clamped_relu", "linear_activation", "scaled_tanh", "sigmoid_hard"}) {
    uses.push_back({op, {{"x", x}, {"alpha", number(0.5)}, {"beta", number(0.75)}}});
  }
  for (const char* mode : {"EXACT", "TANH_APPROXIMATION", "SIGMOID_APPROXIMATION"}) {
    uses.push_back({"gelu", {{"x", x}, {"mode", Tensor::text(mode)}}});
  }
  const int64_t count = x.type().count();
  const Tensor channels = Tensor::from_numbers({x.type().dtype, {1, 1, count}}, x.numbers());
  uses.push_back({"prelu", {{"x", channels}, {"alpha", fp32({0.5})}}});
  uses.push_back({"softplus_parametric", {{"x", channels}, {"alpha", fp32({0.5})}, {"beta", fp32({0.75})}}});
  return uses;
}

// A relative 1e-6, of fp32's arithmetic, or two units of fp16, the least of which is 2^-24.
MATCHER_P(IsNear, dtype, "") {
  const auto& [found, expected] = arg;
  if (!std::isfinite(expected)) return std::isnan(expected) ? std::isnan(found) : found == expected;
  const double unit = dtype == DType::fp16 ? 0x1p-10 : 1e-6, least = dtype == DType::fp16 ? 0x1p-23 : 2e-6;
  return std::fabs(found - expected) <= std::max(unit * std::fabs(expected), least);
}

TEST(Composition, KeepsToTheOpAtItsLimits) {
  for (const DType dtype : {DType::fp16, DType::fp32}) {
    const double largest = dtype == DType::fp16 ? 65504 : std::numeric_limits<float>::max();
    const Tensor x = row(dtype, {-INFINITY, -largest, -300, -20, -3, -0.01, -1e-4, -0.0, 0, 1e-4, 0.01, 3, 20, 300,
                                 largest, INFINITY, NAN});
    for (const auto& [op, arguments] : activations(x)) {
      if (!find_op(op)->compose) continue;
      EXPECT_THAT(composed_values(Call(op, arguments), Rounding::declared),
                  Pointwise(IsNear(dtype), values(op, arguments)))
          << op;
    }
  }
}

TEST(Composition, OfEluAndSoftplusKeepsSmallNumbers) {
  const Tensor small = fp32({-1e-6, -1e-3}), low = fp32({-80, -20});
  const auto elu = composed_values(Call("elu", {{"x", small}, {"alpha", number(1)}}), Rounding::declared);
  const auto softplus = composed_values(Call("softplus", {{"x", low}}), Rounding::declared);
  for (size_t i = 0; i < 2; ++i) {
    EXPECT_NEAR(elu[i] / std::expm1(small.number(int64_t(i))), 1, 1e-6);
    EXPECT_NEAR(softplus[i] / std::exp(low.number(int64_t(i))), 1, 1e-6);
  }
}

// ---- Gradients.

TEST(ActivationGradient, IsFiniteForEveryHalf) {
  for (const auto& [op, arguments] : activations(row(DType::fp16, {-65504, -300, -20, 0, 20, 300, 65504}))) {
    EXPECT_THAT(gradients(op, arguments)[0], Each(AllOf(Ge(-0.125), Le(1.0)))) << op;
  }
}

TEST(ActivationGradient, IsPyTorchsAtKinks) {
  const auto dx = [](std::string_view op, const std::vector<double>& x, GivenArguments more) {
    more.emplace_back("x", fp32(x));
    return gradients(op, more)[0];
  };
  EXPECT_THAT(dx("relu", {-1, 0, 1}, {}), ElementsAre(0, 0, 1));
  EXPECT_THAT(dx("relu6", {-1, 0, 1, 6, 7}, {}), ElementsAre(0, 0, 1, 0, 0));
  EXPECT_THAT(dx("leaky_relu", {-1, 0, 1}, {{"alpha", number(0.25)}}), ElementsAre(0.25, 0.25, 1));
  EXPECT_THAT(dx("elu", {0, 1}, {{"alpha", number(0.25)}}), ElementsAre(0.25, 1));
  EXPECT_THAT(dx("softplus", {0}, {}), ElementsAre(0.5));
}

}  // namespace
}  // namespace anemone::mil
