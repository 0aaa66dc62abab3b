// Rules of convolutions, what they refuse, and gradients by their weights.
#include <gmock/gmock.h>

#include <numeric>

#include "mil/gradient.h"
#include "mil/op_testing.h"
#include "mil/ops/window.h"

namespace anemone::mil {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::Pointwise;

std::string error_of(std::string_view op, const Shape& x, const Shape& weight, GivenArguments more) {
  more.emplace_back("x", zeros(DType::fp16, x));
  more.emplace_back("weight", Fixed{zeros(DType::fp16, weight)});
  return error(op, more);
}

TEST(Conv, ShapesAndParametersAreChecked) {
  const auto conv = [](const Shape& x, const Shape& weight, GivenArguments more) {
    return error_of("conv", x, weight, std::move(more));
  };
  EXPECT_EQ(conv({1, 4, 5}, {2, 4, 3}, {}), "");
  EXPECT_THAT(conv({1, 4}, {2, 4}, {}), HasSubstr("must have one rank, 3 to 5"));
  EXPECT_THAT(conv({1, 4, 5, 5}, {2, 4, 3}, {}), HasSubstr("must have one rank"));
  EXPECT_THAT(conv({1, 4, 5}, {2, 3, 3}, {}), HasSubstr("has not the channels"));
  EXPECT_THAT(conv({1, 4, 5}, {3, 2, 3}, {{"groups", Tensor::integer(2)}}), HasSubstr("with 2 groups"));
  EXPECT_THAT(conv({1, 4, 5}, {2, 4, 3}, {{"groups", Tensor::integer(0)}}), HasSubstr("with 0 groups"));
  EXPECT_EQ(conv({1, 4, 5}, {2, 4, 6}, {}), "conv: the kernel is larger than the padded input");
  EXPECT_EQ(conv({1, 4, 5}, {2, 4, 0}, {}), "conv: the kernel is empty");
  EXPECT_EQ(conv({1, 4, 5}, {2, 4, 3}, {{"dilations", Tensor::ints({3})}}),
            "conv: the kernel is larger than the padded input");
  EXPECT_EQ(conv({1, 4, 5}, {2, 4, 3}, {{"strides", Tensor::ints({0})}}),
            "conv: strides and dilations must be positive");
  EXPECT_EQ(conv({1, 4, 5}, {2, 4, 3}, {{"strides", Tensor::ints({1, 1})}}),
            "conv: strides and dilations need 1 numbers, pad 2");
  EXPECT_EQ(conv({1, 4, 5}, {2, 4, 3}, {{"pad_type", Tensor::text("custom")}, {"pad", Tensor::ints({-1, 1})}}),
            "conv: pad must not be negative");
  EXPECT_THAT(conv({1, 4, 5}, {2, 4, 3}, {{"pad_type", Tensor::text("full")}}), HasSubstr("pad_type is \"full\""));
  EXPECT_EQ(conv({1, 4, 5}, {2, 4, 3}, {{"bias", zeros(DType::fp16, {3})}}), "conv: bias is [3], expected [2]");
}

TEST(Conv, AWeightThatIsNoConstantTakesNoDilations) {
  const GivenArguments arguments{{"x", zeros(DType::fp16, {1, 1, 5})}, {"weight", zeros(DType::fp16, {1, 1, 2})}};
  GivenArguments dilated = arguments;
  dilated.emplace_back("dilations", Tensor::ints({2}));
  EXPECT_EQ(error("conv", arguments), "");
  EXPECT_EQ(error("conv", dilated), "conv: a weight that is no constant takes no dilations");
}

TEST(Conv, ElementTypesDifferAndABiasIsComputedFromIos17) {
  const GivenArguments mixed{{"x", zeros(DType::fp16, {1, 1, 2})}, {"weight", zeros(DType::fp32, {1, 1, 1})}};
  EXPECT_EQ(Call("conv", mixed, "ios17").type(), (TensorType{DType::fp16, {1, 1, 2}}));
  EXPECT_THAT(Call("conv", mixed, "ios16").error(), HasSubstr("parameter weight"));
  for (const auto& [opset, expected] : {std::pair{"ios17", ""}, {"ios16", "conv: parameter bias must be a constant"}}) {
    Builder b("main", opset);
    const Value x = b.input("x", {DType::fp16, {1, 1, 2}}), bias = b.input("b", {DType::fp16, {1}});
    b.output("y", b.apply("conv", {{"x", x}, {"weight", zeros(DType::fp16, {1, 1, 1})}, {"bias", bias}}));
    const auto function = b.finish();
    EXPECT_EQ(function ? "" : function.error().message, expected) << opset;
  }
}

TEST(Conv, SamePutsTheOddElementAfterAndSameLowerBefore) {
  const auto conv = [](std::string_view pad_type) {
    return values("conv", {{"x", Tensor::from_numbers({DType::fp16, {1, 1, 3}}, std::vector<double>{1, 2, 4})},
                           {"weight", Tensor::from_numbers({DType::fp16, {1, 1, 2}}, std::vector<double>{1, 10})},
                           {"pad_type", Tensor::text(pad_type)}});
  };
  EXPECT_THAT(conv("valid"), ElementsAre(21, 42));
  EXPECT_THAT(conv("same"), ElementsAre(21, 42, 4));
  EXPECT_THAT(conv("same_lower"), ElementsAre(10, 21, 42));
}

TEST(ConvTranspose, ShapesAndParametersAreChecked) {
  const auto transposed = [](const Shape& x, const Shape& weight, GivenArguments more) {
    return error_of("conv_transpose", x, weight, std::move(more));
  };
  const auto custom = [](const std::vector<int64_t>& pad) {
    return GivenArguments{{"pad_type", Tensor::text("custom")}, {"pad", Tensor::ints(pad)}};
  };
  const auto shaped = [](const std::vector<int64_t>& shape) {
    return GivenArguments{{"strides", Tensor::ints({2})}, {"output_shape", Tensor::ints(shape)}};
  };
  EXPECT_EQ(transposed({1, 4, 5}, {4, 2, 3}, {}), "");
  EXPECT_THAT(transposed({1, 4, 5}, {2, 4, 3}, {}), HasSubstr("has not the channels"));
  EXPECT_THAT(transposed({1, 4, 5}, {4, 2, 3}, {{"groups", Tensor::integer(3)}}), HasSubstr("with 3 groups"));
  EXPECT_THAT(transposed({1, 4}, {4, 2}, {}), HasSubstr("must have one rank"));
  EXPECT_EQ(transposed({1, 4, 5}, {4, 2, 3}, {{"bias", zeros(DType::fp16, {3})}}),
            "conv_transpose: bias is [3], expected [2]");
  EXPECT_EQ(transposed({1, 4, 2}, {4, 2, 3}, custom({2, 1})), "");
  EXPECT_EQ(transposed({1, 4, 2}, {4, 2, 3}, custom({2, 2})), "conv_transpose: the padding crops all of the output");
  EXPECT_EQ(transposed({1, 4, 2}, {4, 2, 3}, shaped({1, 2, 6})), "");  // 2·(2 − 1) + 3 and less than a stride more
  EXPECT_EQ(transposed({1, 4, 2}, {4, 2, 3}, shaped({1, 2, 7})),
            "conv_transpose: output_shape [1, 2, 7] is larger than strides reach");
  EXPECT_EQ(transposed({1, 4, 2}, {4, 2, 3}, shaped({1, 3, 5})),
            "conv_transpose: output_shape is [1, 3, 5], expected [1, 2, 5]");
  EXPECT_EQ(transposed({1, 4, 2}, {4, 2, 3}, shaped({5})), "conv_transpose: output_shape needs 3 numbers");
  EXPECT_EQ(error("conv_transpose", {{"x", zeros(DType::fp16, {1, 1, 2})}}),
            "conv_transpose: parameter weight is missing");
}

// ---- Gradients by weights that are constants, which no golden case asks for.

// Numbers without a pattern that a convolution could miss.
Array numbered(const TensorType& type) {
  Array array{type, {}};
  for (int64_t i = 0; i < type.count(); ++i) array.data.push_back(double(i * 7 % 11) - 5);
  return array;
}

Tensor numbered(const Shape& shape) { return to_tensor(numbered(TensorType{DType::fp32, shape})); }

// Σ r · y for the r that `numbered` gives, with an element of the weight moved.
double moved_loss(std::string_view op, GivenArguments arguments, const Tensor& weight, size_t i, double step) {
  std::vector<double> moved = weight.numbers();
  moved[i] += step;
  arguments.emplace_back("weight", Fixed{Tensor::from_numbers(weight.type(), moved)});
  const Array y = Call(op, arguments).run(Rounding::none)->at(0);
  const Array r = numbered(y.type);
  return std::inner_product(y.data.begin(), y.data.end(), r.data.begin(), 0.0);
}

std::vector<double> weight_gradient(std::string_view op, const GivenArguments& arguments, const Tensor& weight) {
  Builder b;
  Builder::Arguments given{{"weight", b.constant(weight, "w")}};
  Array x;
  for (const auto& [name, value] : arguments) {
    const Tensor& tensor = std::get<Tensor>(value);
    given.emplace_back(name, tensor);
    if (name != "x") continue;
    given.back().second = b.input("x", tensor.type());
    x = to_array(tensor);
  }
  const Value y = b.apply(op, given);
  const Array r = numbered(y.type());
  b.output("y", y);
  const auto backward = gradient(*b.finish(), {.with_respect_to = {"w"}});
  if (!backward) {
    ADD_FAILURE() << backward.error().message;
    return {};
  }
  return (*Interpreter::create(*backward, {}, Rounding::none)).run({x, r})[0].data;
}

// y is linear in the weight: differences are exact.
void expect_differences(std::string_view op, const GivenArguments& arguments, const Tensor& weight) {
  std::vector<double> differences;
  for (size_t i = 0; i < size_t(weight.type().count()); ++i) {
    differences.push_back((moved_loss(op, arguments, weight, i, 1) - moved_loss(op, arguments, weight, i, -1)) / 2);
  }
  EXPECT_THAT(weight_gradient(op, arguments, weight), Pointwise(testing::DoubleNear(1e-9), differences));
}

TEST(ConvGradient, ByAConstantWeightWithStridesDilationsAndGroups) {
  expect_differences("conv",
                     {{"x", numbered(Shape{3, 4, 6, 5})},
                      {"groups", Tensor::integer(2)},
                      {"strides", Tensor::ints({2, 1})},
                      {"dilations", Tensor::ints({1, 2})},
                      {"pad_type", Tensor::text("custom")},
                      {"pad", Tensor::ints({0, 1, 2, 0})}},
                     numbered(Shape{4, 2, 2, 2}));
}

TEST(ConvGradient, OfTheTransposeByItsWeight) {
  for (const std::string_view pad_type : {"valid", "same"}) {
    expect_differences("conv_transpose",
                       {{"x", numbered(Shape{2, 4, 3, 2})},
                        {"groups", Tensor::integer(2)},
                        {"strides", Tensor::ints({1, 3})},
                        {"dilations", Tensor::ints({3, 1})},
                        {"pad_type", Tensor::text(pad_type)}},
                       numbered(Shape{4, 1, 2, 1}));
  }
}

// ---- Windows

TEST(Window, FindsWhichTapsFallOnTheInput) {
  for (int64_t dilation = 1; dilation < 4; ++dilation) {
    const Window w{.size = 5, .kernel = 4, .stride = 1, .dilation = dilation, .before = 0, .after = 0};
    for (int64_t origin = -14; origin < 8; ++origin) {
      for (int64_t k = 0; k < w.kernel; ++k) {
        const int64_t at = origin + k * dilation;
        EXPECT_EQ(w.first(origin) <= k && k < w.last(origin), at >= 0 && at < w.size) << origin << " " << k;
      }
    }
  }
}

}  // namespace
}  // namespace anemone::mil
