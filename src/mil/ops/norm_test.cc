// Rules of norms, and what they refuse.
#include <gmock/gmock.h>

#include "mil/op_testing.h"

namespace anemone::mil {
namespace {

using testing::HasSubstr;

TEST(Norm, RanksAreChecked) {
  const auto norm = [](std::string_view op, const Shape& x, GivenArguments more) {
    more.emplace_back("x", zeros(DType::fp16, x));
    return error(op, more);
  };
  const Tensor c = zeros(DType::fp16, {2});
  EXPECT_EQ(norm("batch_norm", {1, 2, 3}, {{"mean", c}, {"variance", c}}), "");
  EXPECT_EQ(norm("batch_norm", {1, 2}, {{"mean", c}, {"variance", c}}), "batch_norm: x [1, 2] needs rank 3 to 5");
  EXPECT_EQ(norm("instance_norm", {1, 2, 1, 1, 1}, {}), "instance_norm: x [1, 2, 1, 1, 1] needs rank 3 to 4");
  EXPECT_EQ(norm("l2_norm", {1, 2}, {}), "l2_norm: x [1, 2] needs rank 3 or more");
  EXPECT_EQ(norm("local_response_norm", {1, 2}, {{"size", Tensor::integer(1)}}),
            "local_response_norm: x [1, 2] needs rank 3 to 4");
  EXPECT_EQ(norm("local_response_norm", {1, 2, 1}, {{"size", Tensor::integer(0)}}),
            "local_response_norm: size 0 is not positive");
}

TEST(Norm, ParametersHaveTheShapeOfWhatTheyScale) {
  const Tensor x = zeros(DType::fp16, {1, 2, 3}), two = zeros(DType::fp16, {2}), three = zeros(DType::fp16, {3});
  EXPECT_EQ(error("batch_norm", {{"x", x}, {"mean", two}, {"variance", three}}),
            "batch_norm: variance is [3], expected [2]");
  EXPECT_EQ(error("instance_norm", {{"x", x}, {"gamma", three}}), "instance_norm: gamma is [3], expected [2]");
  const auto layer = [&](const Tensor& gamma, const std::vector<int64_t>& axes) {
    return error("layer_norm", {{"x", x}, {"gamma", gamma}, {"axes", Tensor::ints(axes)}});
  };
  EXPECT_EQ(layer(three, {-1}), "");
  EXPECT_EQ(layer(two, {-1}), "layer_norm: gamma is [2], expected [3]");
  EXPECT_EQ(layer(zeros(DType::fp16, {2, 3}), {2, 1}), "");
  EXPECT_EQ(error("layer_norm", {{"x", x}, {"beta", three}}), "layer_norm: beta is [3], expected [1, 2, 3]");
}

TEST(Norm, AxesOfALayerNormAreChecked) {
  const auto layer = [&](const std::vector<int64_t>& axes) {
    return error("layer_norm", {{"x", zeros(DType::fp16, {1, 2, 3})}, {"axes", Tensor::ints(axes)}});
  };
  EXPECT_THAT(layer({3}), HasSubstr("axis 3 is out of range"));
  EXPECT_THAT(layer({-1, 2}), HasSubstr("each once"));
  EXPECT_THAT(layer({}), HasSubstr("must name some"));
}

TEST(Norm, ParametersMayBeOfTheOtherFloatTypeFromIos17) {
  const GivenArguments arguments{{"x", zeros(DType::fp16, {1, 2, 3})}, {"gamma", zeros(DType::fp32, {2})}};
  EXPECT_EQ(Call("instance_norm", arguments, "ios17").type(), (TensorType{DType::fp16, {1, 2, 3}}));
  EXPECT_THAT(Call("instance_norm", arguments, "ios16").error(), HasSubstr("parameter gamma"));
}

}  // namespace
}  // namespace anemone::mil
