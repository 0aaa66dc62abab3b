// Arithmetic, comparisons and functions: their rules, limits, integers and kinks.
#include <gmock/gmock.h>

#include <cmath>

#include "mil/op_testing.h"

namespace anemone::mil {
namespace {

using testing::Each;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::NanSensitiveDoubleEq;
using testing::Pointwise;

constexpr double kLeast = -2147483648.0, kLargest = 2147483647;  // of int32

Tensor fp32(const std::vector<double>& numbers) { return row(DType::fp32, numbers); }
Tensor fp16(const std::vector<double>& numbers) { return row(DType::fp16, numbers); }
Tensor int32(const std::vector<double>& numbers) { return row(DType::int32, numbers); }

// ---- Arithmetic.

TEST(Elementwise, ShapesThatDoNotBroadcastAreRefused) {
  for (const char* op : {"add", "sub", "mul", "real_div", "floor_div", "mod", "pow", "maximum", "minimum", "equal",
                         "not_equal", "less", "less_equal", "greater", "greater_equal"}) {
    EXPECT_EQ(error(op, {{"x", zeros(DType::fp16, {2, 3})}, {"y", zeros(DType::fp16, {2})}}),
              std::string(op) + ": shapes [2, 3] and [2] do not broadcast");
  }
  EXPECT_EQ(shape("add", {{"x", zeros(DType::fp16, {4, 1})}, {"y", zeros(DType::fp16, {2, 1, 3})}}), (Shape{2, 4, 3}));
}

TEST(Elementwise, NaNWinsInMaximaAndMinimaOnEitherSide) {
  const Tensor x = fp32({NAN, 1, 2, -INFINITY}), y = fp32({1, NAN, 3, 0});
  EXPECT_THAT(values("maximum", {{"x", x}, {"y", y}}),
              Pointwise(NanSensitiveDoubleEq(), std::vector<double>{NAN, NAN, 3, 0}));
  EXPECT_THAT(values("minimum", {{"x", x}, {"y", y}}),
              Pointwise(NanSensitiveDoubleEq(), std::vector<double>{NAN, NAN, 2, -INFINITY}));
}

TEST(Elementwise, IntegersTruncateAndWrap) {
  const Tensor x = int32({7, -7, kLargest, kLeast, 5}), y = int32({2, 2, 1, 1, 0});
  EXPECT_THAT(values("real_div", {{"x", x}, {"y", y}}), ElementsAre(3, -3, kLargest, kLeast, kLargest));
  EXPECT_THAT(values("add", {{"x", x}, {"y", y}}), ElementsAre(9, -5, kLeast, -2147483647, 5));
  EXPECT_THAT(values("sub", {{"x", x}, {"y", y}}), ElementsAre(5, -9, 2147483646, kLargest, 5));
  EXPECT_THAT(values("abs", {{"x", int32({kLeast, -3})}}), ElementsAre(kLeast, 3));
}

TEST(Elementwise, IntegerProductsAndPowersKeepTheirLowBits) {
  const Tensor x = int32({kLargest, 123456789, kLeast});
  EXPECT_THAT(values("mul", {{"x", x}, {"y", int32({kLargest, 987654321, -1})}}), ElementsAre(1, -67153019, kLeast));
  EXPECT_THAT(values("square", {{"x", x}}), ElementsAre(1, -1757895751, 0));
  EXPECT_THAT(values("pow", {{"x", int32({2, 2, -3, 3, 1, 0})}, {"y", int32({-1, 31, 3, kLargest, kLeast, 0})}}),
              ElementsAre(0, kLeast, -27, -1431655765, 1, 1));
  EXPECT_THAT(values("exp2", {{"x", int32({-1, 31, 32, kLargest})}}), ElementsAre(0, kLeast, 0, 0));
}

TEST(Elementwise, IntegersDividedByZeroSaturateAndLeaveNothing) {
  const Tensor x = int32({5, -5, 0, kLeast}), y = int32({0, 0, 0, -1});
  for (const char* op : {"real_div", "floor_div"}) {
    EXPECT_THAT(values(op, {{"x", x}, {"y", y}}), ElementsAre(kLargest, kLeast, 0, kLeast)) << op;
  }
  EXPECT_THAT(values("mod", {{"x", x}, {"y", y}}), Each(0));
}

TEST(Elementwise, ARemainderHasTheSignOfTheDivisor) {
  const Tensor x = fp32({5, -5, 5, -5, 1, 1}), y = fp32({3, 3, -3, -3, INFINITY, 0});
  EXPECT_THAT(values("mod", {{"x", x}, {"y", y}}),
              Pointwise(NanSensitiveDoubleEq(), std::vector<double>{2, 1, -1, -2, 1, NAN}));
}

// ---- Comparisons and choices.

TEST(Comparison, GivesBoolsAndNothingEqualsNaN) {
  const Tensor x = fp32({NAN, 1, INFINITY}), y = fp32({NAN, 1, INFINITY});
  EXPECT_EQ(Call("less", {{"x", x}, {"y", y}}).type().dtype, DType::boolean);
  EXPECT_THAT(values("equal", {{"x", x}, {"y", y}}), ElementsAre(0, 1, 1));
  EXPECT_THAT(values("not_equal", {{"x", x}, {"y", y}}), ElementsAre(1, 0, 0));
  EXPECT_THAT(values("less_equal", {{"x", x}, {"y", y}}), ElementsAre(0, 1, 1));
  EXPECT_THAT(values("greater", {{"x", x}, {"y", y}}), ElementsAre(0, 0, 0));
}

TEST(Comparison, LogicTakesBoolsOnly) {
  for (const char* op : {"logical_and", "logical_or", "logical_xor"}) {
    EXPECT_THAT(error(op, {{"x", int32({1})}, {"y", int32({1})}}), HasSubstr("expected bool")) << op;
  }
  EXPECT_THAT(error("logical_not", {{"x", int32({1})}}), HasSubstr("expected bool"));
}

TEST(Select, ChecksTypesAndShapes) {
  const Tensor cond = row(DType::boolean, {1, 0}), a = fp32({1, 2});
  EXPECT_THAT(error("select", {{"cond", a}, {"a", a}, {"b", a}}), HasSubstr("parameter cond is tensor<fp32, [2]>"));
  EXPECT_THAT(error("select", {{"cond", cond}, {"a", a}, {"b", fp16({1, 2})}}), HasSubstr("parameter b"));
  EXPECT_EQ(error("select", {{"cond", cond}, {"a", a}, {"b", fp32({1, 2, 3})}}),
            "select: shapes [2] and [3] do not broadcast");
  EXPECT_EQ(error("select", {{"cond", cond}, {"a", fp32({1, 2, 3})}, {"b", fp32({1})}}),
            "select: shapes [2] and [3] do not broadcast");
}

TEST(Select, WhatIsNotChosenMayBeNaN) {
  const GivenArguments arguments{
      {"cond", row(DType::boolean, {1, 0})}, {"a", fp32({1, NAN})}, {"b", fp32({INFINITY, 2})}};
  EXPECT_THAT(values("select", arguments), ElementsAre(1, 2));
  EXPECT_THAT(gradients("select", arguments), ElementsAre(ElementsAre(1, 0), ElementsAre(0, 1)));
}

// ---- Functions.

TEST(Unary, AnEpsilonBelowTheTypesRangeIsZero) {
  EXPECT_EQ(values("log", {{"x", fp16({0})}})[0], -INFINITY);
  EXPECT_EQ(values("rsqrt", {{"x", fp16({0})}})[0], INFINITY);
  EXPECT_NEAR(values("log", {{"x", fp32({0})}})[0], std::log(0x1p-149), 1e-5);
  EXPECT_NEAR(values("rsqrt", {{"x", fp32({0})}})[0], 1e6, 1);
  EXPECT_EQ(values("rsqrt", {{"x", fp16({0})}, {"epsilon", Tensor::scalar(DType::fp16, 0.25)}})[0], 2);
  EXPECT_EQ(values("inverse", {{"x", fp32({3})}, {"epsilon", Tensor::scalar(DType::fp32, 1)}})[0], 0.25);
}

TEST(Unary, FunctionsKeepTheirLimits) {
  const Tensor infinite = fp32({-INFINITY, INFINITY});
  EXPECT_THAT(values("exp", {{"x", fp16({-INFINITY, 0, 12})}}), ElementsAre(0, 1, INFINITY));
  EXPECT_TRUE(std::isnan(values("sqrt", {{"x", fp32({-1})}})[0]));
  EXPECT_THAT(values("tanh", {{"x", infinite}}), ElementsAre(-1, 1));
  EXPECT_THAT(values("erf", {{"x", infinite}}), ElementsAre(-1, 1));
  EXPECT_THAT(values("atanh", {{"x", fp32({-1, 1})}}), ElementsAre(-INFINITY, INFINITY));
  EXPECT_TRUE(std::isnan(values("acos", {{"x", fp32({1.5})}})[0]));
  EXPECT_THAT(values("sign", {{"x", fp32({-INFINITY, -0.25, 0, 3, NAN})}}),
              Pointwise(NanSensitiveDoubleEq(), std::vector<double>{-1, -1, 0, 1, NAN}));
}

TEST(Unary, SettingsAreOneNumber) {
  const Tensor x = fp32({1}), two = fp32({1, 2}), none = fp32({}), one = Tensor::scalar(DType::fp32, 1);
  EXPECT_EQ(error("log", {{"x", x}, {"epsilon", none}}),
            "log: parameter epsilon is tensor<fp32, [0]>, expected one number");
  EXPECT_THAT(error("clip", {{"x", x}, {"alpha", two}, {"beta", one}}), HasSubstr("parameter alpha"));
  EXPECT_THAT(error("clip", {{"x", x}, {"alpha", one}, {"beta", none}}), HasSubstr("parameter beta"));
  EXPECT_THAT(error("threshold", {{"x", x}, {"alpha", none}}), HasSubstr("expected one number"));
}

TEST(Clip, LimitsAreOrderedAndMayBeInfinite) {
  const auto clip = [](double low, double high) {
    return GivenArguments{{"x", fp16({-9, 0.5, 9, NAN})},
                          {"alpha", Tensor::scalar(DType::fp32, low)},
                          {"beta", Tensor::scalar(DType::fp32, high)}};
  };
  EXPECT_EQ(error("clip", clip(1, 0.5)), "clip: alpha 1 is not below beta 0.5");
  EXPECT_THAT(error("clip", clip(NAN, 1)), HasSubstr("is not below"));
  EXPECT_THAT(error("clip", clip(2, 2)), HasSubstr("is not below"));
  EXPECT_THAT(values("clip", clip(-INFINITY, 1)),
              Pointwise(NanSensitiveDoubleEq(), std::vector<double>{-9, 0.5, 1, NAN}));
}

TEST(Clip, BeforeIos17LimitsAreOfXsTypeInAnyOrder) {
  const auto clip = [](DType alpha) {
    return Call("clip",
                {{"x", fp16({-9, 9})}, {"alpha", Tensor::scalar(alpha, 2)}, {"beta", Tensor::scalar(DType::fp16, 1)}},
                "ios16");
  };
  EXPECT_THAT((*clip(DType::fp16).run(Rounding::declared))[0].data, ElementsAre(1, 1));
  EXPECT_THAT(clip(DType::fp32).error(), HasSubstr("parameter alpha is fp32, but must have the element type fp16"));
}

TEST(Threshold, AlphaIsOfTheKindOfX) {
  EXPECT_EQ(error("threshold", {{"x", int32({1})}, {"alpha", Tensor::scalar(DType::fp16, 1)}}),
            "threshold: alpha is fp16, but x is tensor<int32, [1]>");
  const GivenArguments mixed{{"x", fp16({1})}, {"alpha", Tensor::scalar(DType::fp32, 1)}};
  EXPECT_EQ(Call("threshold", mixed, "ios17").error(), "");
  EXPECT_THAT(Call("threshold", mixed, "ios16").error(), HasSubstr("parameter alpha"));
}

// ---- Gradients where a function has a kink, a pole or a tie.

TEST(ElementwiseGradient, IsSharedWhereOperandsAreEqual) {
  const GivenArguments arguments{{"x", fp32({1, 2, 3})}, {"y", fp32({2, 2, 2})}};
  EXPECT_THAT(gradients("maximum", arguments), ElementsAre(ElementsAre(0, 0.5, 1), ElementsAre(1, 0.5, 0)));
  EXPECT_THAT(gradients("minimum", arguments), ElementsAre(ElementsAre(1, 0.5, 0), ElementsAre(0, 0.5, 1)));
}

TEST(ElementwiseGradient, PassesAtTheLimitsOfClip) {
  const Tensor x = fp32({-1, 0, 0.5, 1, 2}), zero = Tensor::scalar(DType::fp32, 0),
               one = Tensor::scalar(DType::fp32, 1);
  EXPECT_THAT(gradients("clip", {{"x", x}, {"alpha", zero}, {"beta", one}}), ElementsAre(ElementsAre(0, 1, 1, 1, 0)));
  EXPECT_THAT(gradients("threshold", {{"x", x}, {"alpha", zero}}), ElementsAre(ElementsAre(0, 1, 1, 1, 1)));
  EXPECT_THAT(gradients("abs", {{"x", x}}), ElementsAre(ElementsAre(-1, 0, 1, 1, 1)));
}

TEST(ElementwiseGradient, OfAPowerIsFiniteAtZero) {
  const auto by = gradients("pow", {{"x", fp32({0, 0, 0})}, {"y", fp32({0, 1, 2})}});
  EXPECT_THAT(by, ElementsAre(ElementsAre(0, 1, 0), ElementsAre(0, 0, 0)));
}

}  // namespace
}  // namespace anemone::mil
