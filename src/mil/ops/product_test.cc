// Rules of matrix products and attention, and what they refuse.
#include <gmock/gmock.h>

#include <cmath>

#include "mil/op_testing.h"

namespace anemone::mil {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

TEST(Matmul, ShapesAreChecked) {
  const auto matmul = [](const Shape& x, const Shape& y, bool transpose_x, bool transpose_y) {
    return error("matmul", {{"x", zeros(DType::fp16, x)},
                            {"y", zeros(DType::fp16, y)},
                            {"transpose_x", Tensor::boolean(transpose_x)},
                            {"transpose_y", Tensor::boolean(transpose_y)}});
  };
  EXPECT_EQ(matmul({2, 3}, {3, 5}, false, false), "");
  EXPECT_EQ(matmul({2, 3}, {2, 5}, false, false), "matmul: [2, 3] and [2, 5] do not share their contracted dimension");
  EXPECT_EQ(matmul({2, 3}, {2, 5}, true, false), "");
  EXPECT_THAT(matmul({3}, {3, 5}, true, false), HasSubstr("transposed ones rank 2"));
  EXPECT_THAT(matmul({2, 3}, {3}, false, true), HasSubstr("transposed ones rank 2"));
  EXPECT_THAT(matmul({}, {3, 5}, false, false), HasSubstr("rank 1 or more"));
  EXPECT_EQ(matmul({2, 2, 3}, {3, 3, 5}, false, false), "matmul: shapes [2] and [3] do not broadcast");
}

TEST(Matmul, ElementTypesDifferFromIos17WhereOneOperandIsConstant) {
  const Tensor half = zeros(DType::fp16, {1, 1}), single = zeros(DType::fp32, {1, 1});
  EXPECT_EQ(Call("matmul", {{"x", half}, {"y", Fixed{single}}}, "ios17").type().dtype, DType::fp16);
  EXPECT_EQ(Call("matmul", {{"x", Fixed{half}}, {"y", single}}, "ios17").type().dtype, DType::fp32);
  EXPECT_THAT(Call("matmul", {{"x", half}, {"y", single}}, "ios17").error(), HasSubstr("only where one is a constant"));
  EXPECT_THAT(Call("matmul", {{"x", Fixed{half}}, {"y", Fixed{single}}}, "ios17").error(),
              HasSubstr("only where one is a constant"));
  EXPECT_THAT(Call("matmul", {{"x", half}, {"y", Fixed{single}}}, "ios16").error(), HasSubstr("parameter y"));
}

TEST(Matmul, OfIntegersKeepsTheLowBits) {
  const Tensor x = row(DType::int32, {123456789, 3}), y = row(DType::int32, {987654321, 5});
  EXPECT_THAT(values("matmul", {{"x", x}, {"y", y}}), ElementsAre(-67153019 + 15));
  const Tensor weight = Tensor::from_numbers({DType::int32, {1, 2}}, y.numbers());
  EXPECT_THAT(values("linear", {{"x", x}, {"weight", weight}}), ElementsAre(-67153019 + 15));
}

TEST(Linear, ShapesAndElementTypesAreChecked) {
  const auto linear = [](const Shape& x, const Shape& weight, const Tensor& bias) {
    return error("linear", {{"x", zeros(DType::fp16, x)}, {"weight", zeros(DType::fp16, weight)}, {"bias", bias}});
  };
  const Tensor bias = zeros(DType::fp16, {5});
  EXPECT_EQ(linear({2, 3}, {5, 3}, bias), "");
  EXPECT_EQ(linear({2, 3}, {3, 5}, bias), "linear: x [2, 3] does not end with the columns of weight [3, 5]");
  EXPECT_THAT(linear({2, 3}, {3}, bias), HasSubstr("does not end with"));
  EXPECT_THAT(linear({}, {5, 3}, bias), HasSubstr("does not end with"));
  EXPECT_EQ(linear({2, 3}, {4, 3}, bias), "linear: bias is [5], expected [4]");
  const GivenArguments mixed{{"x", zeros(DType::fp16, {3})}, {"weight", zeros(DType::fp32, {2, 3})}};
  EXPECT_EQ(Call("linear", mixed, "ios17").type(), (TensorType{DType::fp16, {2}}));
  EXPECT_THAT(Call("linear", mixed, "ios16").error(), HasSubstr("parameter weight"));
  EXPECT_THAT(error("linear", {{"x", zeros(DType::int32, {3})}, {"weight", zeros(DType::fp32, {2, 3})}}),
              HasSubstr("both are floats or none is"));
}

TEST(Einsum, TakesTwoEquationsWhateverTheirLetters) {
  const auto einsum = [](const std::vector<Shape>& shapes, std::string_view equation) {
    std::vector<Tensor> tensors;
    for (const Shape& shape : shapes) tensors.push_back(zeros(DType::fp16, shape));
    return error("einsum", {{"values", tensors}, {"equation", Tensor::text(equation)}});
  };
  EXPECT_EQ(einsum({{2, 3, 4, 5}, {2, 5, 4, 6}}, "nchw,nwhu->nchu"), "");
  EXPECT_EQ(einsum({{2, 3, 4, 5}, {2, 5, 4, 6}}, "BTNH,BHNS->BTNS"), "");
  EXPECT_EQ(einsum({{3, 4, 5}, {5, 4, 6}}, "chw,whr->chr"), "");
  EXPECT_EQ(einsum({{3, 4}, {4, 6}}, "ij,jk->ik"),
            "einsum: equation \"ij,jk->ik\" is not one of nchw,nwhu->nchu and chw,whr->chr");
  EXPECT_THAT(einsum({{2, 3, 4, 5}, {2, 5, 4, 6}}, "nchw,nwhu->nhcu"), HasSubstr("is not one of"));
  EXPECT_THAT(einsum({{2, 3, 4, 5}, {2, 5, 4, 6}}, "nchn,nnhu->nchu"), HasSubstr("is not one of"));
  EXPECT_THAT(einsum({{3, 4, 5}, {5, 4, 6}}, "nchw,nwhu->nchu"), HasSubstr("do not have the rank"));
  EXPECT_EQ(einsum({{3, 4, 5}, {6, 4, 6}}, "chw,whr->chr"), "einsum: [1, 3, 4, 5] and [1, 6, 4, 6] do not share w");
  EXPECT_THAT(einsum({{3, 4, 5}, {5, 2, 6}}, "chw,whr->chr"), HasSubstr("do not broadcast"));
  EXPECT_EQ(einsum({{3, 4, 5}}, "chw,whr->chr"), "einsum: values needs two tensors, not 1");
}

TEST(Attention, ShapesAreChecked) {
  const auto attention = [](const Shape& query, const Shape& key, const Shape& value, const Tensor& mask) {
    return error("scaled_dot_product_attention", {{"query", zeros(DType::fp16, query)},
                                                  {"key", zeros(DType::fp16, key)},
                                                  {"value", zeros(DType::fp16, value)},
                                                  {"attn_mask", mask}});
  };
  const Tensor mask = zeros(DType::boolean, {3, 4});
  EXPECT_EQ(attention({2, 3, 5}, {2, 4, 5}, {2, 4, 6}, mask), "");
  EXPECT_THAT(attention({3, 5}, {4, 5}, {4, 6}, mask), HasSubstr("must have one rank, 3 or more"));
  EXPECT_THAT(attention({2, 3, 5}, {2, 4, 5}, {1, 2, 4, 6}, mask), HasSubstr("must have one rank"));
  EXPECT_THAT(attention({2, 3, 5}, {1, 4, 5}, {1, 4, 6}, mask), HasSubstr("do not go together"));
  EXPECT_THAT(attention({2, 3, 5}, {2, 4, 6}, {2, 4, 6}, mask), HasSubstr("do not go together"));
  EXPECT_THAT(attention({2, 3, 5}, {2, 4, 5}, {2, 3, 6}, mask), HasSubstr("do not go together"));
  EXPECT_THAT(attention({2, 3, 5}, {2, 4, 5}, {2, 4, 6}, zeros(DType::fp32, {3, 4})),
              HasSubstr("expected bool or the element type of query"));
  EXPECT_THAT(attention({2, 3, 5}, {2, 4, 5}, {2, 4, 6}, zeros(DType::boolean, {1, 2, 3, 4})),
              HasSubstr("does not broadcast to [2, 3, 4]"));
  EXPECT_THAT(attention({2, 1, 5}, {2, 4, 5}, {2, 4, 6}, mask), HasSubstr("does not broadcast to [2, 1, 4]"));
  EXPECT_THAT(attention({2, 3, 5}, {2, 4, 5}, {2, 4, 6}, zeros(DType::boolean, {2, 4})), HasSubstr("do not broadcast"));
  EXPECT_EQ(Call("scaled_dot_product_attention", {}, "ios17").error(), "there is no op scaled_dot_product_attention");
}

TEST(Attention, OverNothingIsNoNumber) {
  const auto out = values("scaled_dot_product_attention",
                          {{"query", zeros(DType::fp32, {1, 2, 1})},
                           {"key", zeros(DType::fp32, {1, 1, 1})},
                           {"value", zeros(DType::fp32, {1, 1, 1})},
                           {"attn_mask", Tensor::from_numbers({DType::boolean, {2, 1}}, std::vector{1.0, 0.0})}});
  EXPECT_THAT(out, ElementsAre(0, testing::IsNan()));
}

}  // namespace
}  // namespace anemone::mil
