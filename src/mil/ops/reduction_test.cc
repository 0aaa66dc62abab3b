// Rules of reductions, and what their golden values do not show.
#include <gmock/gmock.h>

#include <cmath>

#include "mil/gradient.h"
#include "mil/op_testing.h"

namespace anemone::mil {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::NanSensitiveDoubleEq;
using testing::Pointwise;

TEST(Reduction, ShapesFollowAxesAndKeepDims) {
  const Tensor x = zeros(DType::fp16, {2, 3, 5});
  EXPECT_EQ(shape("reduce_sum", {{"x", x}}), Shape{});
  EXPECT_EQ(shape("reduce_sum", {{"x", x}, {"keep_dims", Tensor::boolean(true)}}), (Shape{1, 1, 1}));
  EXPECT_EQ(shape("reduce_max", {{"x", x}, {"axes", Tensor::ints({-2})}}), (Shape{2, 5}));
  EXPECT_EQ(shape("reduce_min", {{"x", x}, {"axes", Tensor::ints({})}}), (Shape{2, 3, 5}));
}

TEST(Reduction, NaNWinsAndIntegersStayWhole) {
  EXPECT_TRUE(std::isnan(values("reduce_max", {{"x", row(DType::fp16, {1, NAN, 2})}})[0]));
  EXPECT_TRUE(std::isnan(values("reduce_min", {{"x", row(DType::fp16, {1, NAN, 2})}})[0]));
  EXPECT_THAT(values("reduce_mean", {{"x", row(DType::int32, {-3, -4})}}), ElementsAre(-3));
  EXPECT_THAT(values("reduce_sum", {{"x", row(DType::int32, {2147483647, 2})}}), ElementsAre(-2147483647));
}

TEST(Reduction, OfIntegersKeepsTheLowBitsOfProducts) {
  const Tensor x = row(DType::int32, {2147483647, 123456789, 987654321});
  EXPECT_THAT(values("reduce_prod", {{"x", x}}), ElementsAre(-2080330629));
  EXPECT_THAT(values("reduce_sum_square", {{"x", x}}), ElementsAre(-1996165605));
}

TEST(Reduction, OfNothingIsTheNeutralElement) {
  const Tensor x = zeros(DType::fp32, {2, 0});
  const auto constant = [&](std::string_view op) {
    Builder b;
    b.output("y", b.apply(op, {{"x", x}, {"axes", Tensor::ints({1})}}));
    return (*Interpreter::create(*b.finish(), {}, Rounding::declared)).run({})[0].data;
  };
  EXPECT_THAT(constant("reduce_sum"), ElementsAre(0, 0));
  EXPECT_THAT(constant("reduce_prod"), ElementsAre(1, 1));
  EXPECT_THAT(constant("reduce_max"), ElementsAre(-INFINITY, -INFINITY));
  EXPECT_THAT(constant("reduce_log_sum_exp"), ElementsAre(-INFINITY, -INFINITY));
}

TEST(Reduction, OfLargeExponentsDoesNotOverflow) {
  EXPECT_THAT(values("reduce_log_sum_exp", {{"x", row(DType::fp16, {60000, -60000})}}), ElementsAre(60000));
  EXPECT_THAT(values("reduce_log_sum_exp", {{"x", row(DType::fp16, {-INFINITY, 3})}}), ElementsAre(3));
}

// What infinities and NaN give, by the op and by its composition.
TEST(Reduction, KeepsInfinitiesAndNaN) {
  const Tensor x =
      Tensor::from_numbers({DType::fp32, {5, 2}},
                           std::vector<double>{INFINITY, 1, -INFINITY, -INFINITY, -INFINITY, 2, NAN, 1, -3, -INFINITY});
  const auto expect = [&](std::string_view op, const std::vector<double>& expected) {
    Builder b;
    b.output("y", b.apply(op, {{"x", b.input("x", x.type())}, {"axes", Tensor::ints({1})}}));
    const Function function = *b.finish();
    const auto composed = expand(
        function, [&](const OpDef& def) { return def.name == op; }, Arithmetic::fp32);
    ASSERT_TRUE(composed) << composed.error().message;
    for (const Function& form : {function, *composed}) {
      const auto y = (*Interpreter::create(form, {}, Rounding::declared)).run({to_array(x)});
      EXPECT_THAT(y[0].data, Pointwise(NanSensitiveDoubleEq(), expected)) << op;
    }
  };
  expect("reduce_log_sum_exp", {INFINITY, -INFINITY, 2, NAN, -3});
  expect("reduce_l1_norm", {INFINITY, INFINITY, INFINITY, NAN, INFINITY});
  expect("reduce_l2_norm", {INFINITY, INFINITY, INFINITY, NAN, INFINITY});
  expect("reduce_sum_square", {INFINITY, INFINITY, INFINITY, NAN, INFINITY});
  expect("reduce_log_sum", {INFINITY, NAN, NAN, NAN, NAN});
}

TEST(Reduction, EqualExtremesShareTheGradient) {
  Builder b;
  b.output("y", b.apply("reduce_max", {{"x", b.input("x", {DType::fp32, {4}})}}));
  const auto backward = gradient(*b.finish());
  ASSERT_TRUE(backward) << backward.error().message;
  const auto d = (*Interpreter::create(*backward, {}, Rounding::none))
                     .run({{{DType::fp32, {4}}, {1, 5, 5, 2}}, {{DType::fp32, {}}, {3}}});
  EXPECT_THAT(d[0].data, ElementsAre(0, 1.5, 1.5, 0));
}

TEST(Reduction, TheGradientOfAProductHoldsAtZeros) {
  Builder b;
  b.output("y", b.apply("reduce_prod", {{"x", b.input("x", {DType::fp32, {3}})}}));
  const auto backward = gradient(*b.finish());
  ASSERT_TRUE(backward) << backward.error().message;
  const auto interpreter = *Interpreter::create(*backward, {}, Rounding::none);
  const Array d{{DType::fp32, {}}, {1}};
  EXPECT_THAT(interpreter.run({{{DType::fp32, {3}}, {0, 2, 5}}, d})[0].data, ElementsAre(10, 0, 0));
  EXPECT_THAT(interpreter.run({{{DType::fp32, {3}}, {0, 0, 5}}, d})[0].data, ElementsAre(0, 0, 0));
}

TEST(Reduction, TheGradientOfALongProductIsRefused) {
  Builder b;
  b.output("y", b.apply("reduce_prod", {{"x", b.input("x", {DType::fp32, {4096}})}}));
  EXPECT_EQ(gradient(*b.finish()).error().message, "reduce_prod: the gradient takes at most 2048 factors, not 4096");
}

TEST(ArgMax, TheIndexTypeHoldsEveryIndex) {
  const auto argmax = [](const Shape& shape, std::string_view dtype) {
    return error("reduce_argmax", {{"x", zeros(DType::fp16, shape)}, {"output_dtype", Tensor::text(dtype)}});
  };
  EXPECT_EQ(argmax({1, 65536}, "uint16"), "");
  EXPECT_EQ(argmax({1, 65537}, "uint16"), "reduce_argmax: uint16 cannot number 65537 elements");
  EXPECT_EQ(argmax({1, 65537}, "int32"), "");
  EXPECT_THAT(argmax({1, 2}, "int16"), HasSubstr("output_dtype is \"int16\", expected int32 or uint16"));
  EXPECT_THAT(
      Call("reduce_argmin", {{"x", row(DType::fp16, {1})}, {"output_dtype", Tensor::text("int32")}}, "ios16").error(),
      HasSubstr("there is no parameter output_dtype"));
}

TEST(ArgMax, OfNothingIsRefused) {
  Builder b;
  b.apply("reduce_argmax", {{"x", zeros(DType::fp16, {2, 0})}});
  EXPECT_EQ(b.finish().error().message, "reduce_argmax: x [2, 0] has no elements along axis 1");
}

TEST(CumSum, CarriesInfinitiesAndNaNOnward) {
  EXPECT_THAT(values("cumsum", {{"x", row(DType::fp32, {1, INFINITY, 2, NAN, 0})}}),
              Pointwise(NanSensitiveDoubleEq(), std::vector<double>{1, INFINITY, INFINITY, NAN, NAN}));
}

TEST(CumSum, AxesAreChecked) {
  EXPECT_EQ(error("cumsum", {{"x", row(DType::fp16, {1})}, {"axis", Tensor::integer(1)}}),
            "cumsum: axis 1 is out of range for rank 1");
  EXPECT_EQ(error("reduce_argmin", {{"x", Tensor::scalar(DType::fp16, 1)}}),
            "reduce_argmin: axis -1 is out of range for rank 0");
}

}  // namespace
}  // namespace anemone::mil
