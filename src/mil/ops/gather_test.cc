// Rules of gathers, scatters, sorts and fills; their values are tests/golden/ops/gather.json, sort.json and fill.json.
#include <gmock/gmock.h>

#include <cmath>

#include "mil/gradient.h"
#include "mil/op_testing.h"

namespace anemone::mil {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

std::vector<double> values_of(const Call& call) {
  const auto results = call.run(Rounding::declared);
  return results ? results->at(0).data : std::vector<double>();
}

// The error of a call whose `indices` are a constant.
std::string constant_error(std::string_view op, const Tensor& x, const Tensor& indices, bool validate) {
  Builder b;
  b.apply(op, {{"x", b.input("x", x.type())}, {"indices", indices}, {"validate_indices", Tensor::boolean(validate)}});
  return b.ok() ? "" : b.finish().error().message;
}

const Tensor kFour = row(DType::fp32, {10, 20, 30, 40});
const Tensor kWild = row(DType::int32, {-1, 4, 3, -2147483648.0, 2147483647, -4, -5});

// ---- Indices out of range.

TEST(Indices, AreClampedFromIos17) {
  const GivenArguments gathers{{"x", kFour}, {"indices", kWild}};
  EXPECT_THAT(values("gather", gathers), ElementsAre(10, 40, 40, 10, 40, 10, 10));
  EXPECT_THAT(values("gather_along_axis", gathers), ElementsAre(10, 40, 40, 10, 40, 10, 10));
  const Tensor column = Tensor::from_numbers({DType::int32, {7, 1}}, kWild.numbers());
  EXPECT_THAT(values("gather_nd", {{"x", kFour}, {"indices", column}}), ElementsAre(10, 40, 40, 10, 40, 10, 10));
}

TEST(Indices, WrapOnceUpToIos16AndAreClampedThen) {
  for (const char* opset : {"ios15", "ios16"}) {
    const GivenArguments gathers{{"x", kFour}, {"indices", kWild}};
    EXPECT_THAT(values_of(Call("gather", gathers, opset)), ElementsAre(40, 40, 40, 10, 40, 10, 10));
    EXPECT_THAT(values_of(Call("gather_along_axis", gathers, opset)), ElementsAre(40, 40, 40, 10, 40, 10, 10));
    const GivenArguments scatters{
        {"data", kFour}, {"indices", kWild}, {"updates", zeros(DType::fp32, {7})}, {"mode", Tensor::text("update")}};
    EXPECT_THAT(values_of(Call("scatter", scatters, opset)), ElementsAre(0, 20, 30, 0));
  }
}

TEST(Indices, ScattersClampAsGathersDo) {
  const GivenArguments scatters{
      {"data", kFour}, {"indices", kWild}, {"updates", row(DType::fp32, {1, 1, 1, 1, 1, 1, 1})}};
  EXPECT_THAT(values("scatter", scatters), ElementsAre(14, 20, 30, 43));
  EXPECT_THAT(values("scatter_along_axis", scatters), ElementsAre(14, 20, 30, 43));
  const Tensor column = Tensor::from_numbers({DType::int32, {7, 1}}, kWild.numbers());
  EXPECT_THAT(values("scatter_nd",
                     {{"data", kFour}, {"indices", column}, {"updates", row(DType::fp32, {1, 1, 1, 1, 1, 1, 1})}}),
              ElementsAre(14, 20, 30, 43));
}

TEST(Indices, ThatAreConstantAreValidatedWhereAsked) {
  EXPECT_EQ(constant_error("gather", kFour, Tensor::ints({0, 4}), true), "gather: index 4 is out of range for size 4");
  EXPECT_EQ(constant_error("gather", kFour, Tensor::ints({0, 4}), false), "");
  EXPECT_EQ(constant_error("gather", kFour, Tensor::ints({0, 3}), true), "");
  EXPECT_EQ(constant_error("gather_along_axis", kFour, Tensor::ints({-1}), true),
            "gather_along_axis: index -1 is out of range for size 4");
  const Tensor x = zeros(DType::fp32, {2, 3});
  const auto pairs = [](std::vector<double> n) { return Tensor::from_numbers({DType::int32, {2, 2}}, n); };
  EXPECT_EQ(constant_error("gather_nd", x, pairs({1, 2, 0, 0}), true), "");
  EXPECT_EQ(constant_error("gather_nd", x, pairs({1, 2, 2, 0}), true), "gather_nd: index 2 is out of range for size 2");
}

TEST(Indices, NeedSomethingToIndex) {
  Builder b;
  const Value empty = b.constant(Tensor::ints({}));
  b.apply("gather", {{"x", empty}, {"indices", b.input("i", {DType::int32, {2}})}});
  EXPECT_EQ(b.finish().error().message, "gather: there is nothing to index in an axis of size 0");
}

TEST(Indices, MayBeNone) {
  Builder b;
  const Value x = b.input("x", kFour.type());
  b.output("y", concat({b.apply("gather", {{"x", x}, {"indices", Tensor::ints({})}}), x}, 0));
  const auto y = (*Interpreter::create(*b.finish(), {}, Rounding::none)).run({to_array(kFour)});
  EXPECT_THAT(y[0].data, ElementsAre(10, 20, 30, 40));
}

// ---- Shapes.

TEST(Gather, ShapesAndBatchesAreChecked) {
  const Tensor x = zeros(DType::fp16, {2, 3, 4});
  const auto gather = [&](const Shape& indices, int64_t axis, int64_t batch) {
    return error("gather", {{"x", x},
                            {"indices", zeros(DType::int32, indices)},
                            {"axis", Tensor::integer(axis)},
                            {"batch_dims", Tensor::integer(batch)}});
  };
  EXPECT_EQ(gather({2, 5}, -1, 1), "");
  EXPECT_EQ(gather({5}, 3, 0), "gather: axis 3 is out of range for rank 3");
  EXPECT_EQ(gather({3, 5}, 1, 1), "gather: batch_dims 1 does not fit x [2, 3, 4] and indices [3, 5]");
  EXPECT_THAT(gather({2, 5}, 0, 1), HasSubstr("batch_dims 1 does not fit"));  // beyond the axis
  EXPECT_THAT(gather({2}, 2, 2), HasSubstr("batch_dims 2 does not fit"));     // beyond the indices
  EXPECT_THAT(gather({2}, 2, -1), HasSubstr("batch_dims -1 does not fit"));
  EXPECT_EQ(error("gather", {{"x", Tensor::scalar(DType::fp16, 1)}, {"indices", Tensor::integer(0)}}),
            "gather: axis 0 is out of range for rank 0");
}

TEST(Gather, FormsTakeWhatTheirOpsetHas) {
  const GivenArguments narrow{{"x", kFour}, {"indices", row(DType::uint16, {1})}};
  EXPECT_THAT(Call("gather", narrow, "ios15").error(), HasSubstr("parameter indices is tensor<uint16, [1]>"));
  EXPECT_EQ(Call("gather", narrow, "ios16").error(), "");
  const GivenArguments narrower{{"x", kFour}, {"indices", row(DType::int8, {1})}};
  EXPECT_THAT(Call("gather", narrower, "ios16").error(), HasSubstr("parameter indices is tensor<int8, [1]>"));
  EXPECT_THAT(Call("gather", {{"x", kFour}, {"indices", kWild}, {"batch_dims", Tensor::integer(0)}}, "ios15").error(),
              HasSubstr("there is no parameter batch_dims"));
  EXPECT_THAT(
      Call("gather_nd", {{"x", kFour}, {"indices", kWild}, {"validate_indices", Tensor::boolean(true)}}, "ios16")
          .error(),
      HasSubstr("there is no parameter validate_indices"));
}

TEST(GatherAlongAxis, IndicesHaveTheShapeOfXButAlongTheAxis) {
  const auto gather = [](const Shape& indices) {
    return error(
        "gather_along_axis",
        {{"x", zeros(DType::fp16, {2, 3})}, {"indices", zeros(DType::int32, indices)}, {"axis", Tensor::integer(-1)}});
  };
  EXPECT_EQ(gather({2, 7}), "");
  EXPECT_EQ(gather({1, 3}), "gather_along_axis: indices [1, 3] must have the shape [2, 3] but along axis 1");
  EXPECT_THAT(gather({2}), HasSubstr("must have the shape"));
}

TEST(GatherNd, IndicesNameNoMoreAxesThanThereAre) {
  const auto gather = [](const Shape& indices, int64_t batch) {
    return error("gather_nd", {{"x", zeros(DType::fp16, {2, 3})},
                               {"indices", zeros(DType::int32, indices)},
                               {"batch_dims", Tensor::integer(batch)}});
  };
  EXPECT_EQ(gather({5, 2}, 0), "");
  EXPECT_EQ(gather({5, 3}, 0), "gather_nd: indices [5, 3] name more axes than [2, 3] has");
  EXPECT_EQ(gather({2, 2}, 1), "gather_nd: indices [2, 2] name more axes than [2, 3] has");
  EXPECT_THAT(gather({3, 1}, 1), HasSubstr("batch_dims 1 does not fit"));
  EXPECT_THAT(gather({2}, 1), HasSubstr("batch_dims 1 does not fit"));
  EXPECT_EQ(gather({}, 0), "gather_nd: indices need rank 1 or more");
}

TEST(Scatter, ShapesAndModeAreChecked) {
  const auto scatter = [](std::string_view op, const Shape& indices, const Shape& updates, std::string_view mode) {
    return error(op, {{"data", zeros(DType::fp16, {2, 3})},
                      {"indices", zeros(DType::int32, indices)},
                      {"updates", zeros(DType::fp16, updates)},
                      {"mode", Tensor::text(mode)}});
  };
  EXPECT_EQ(scatter("scatter", {4}, {4, 3}, "max"), "");
  EXPECT_EQ(scatter("scatter", {4}, {4, 2}, "max"), "scatter: updates is [4, 2], expected [4, 3]");
  EXPECT_EQ(scatter("scatter", {2, 2}, {2, 2, 3}, "max"), "scatter: indices [2, 2] need rank 1");
  EXPECT_EQ(scatter("scatter", {4}, {4, 3}, "mean"),
            "scatter: mode is \"mean\", expected add, sub, mul, div, max, min or update");
  EXPECT_EQ(scatter("scatter_along_axis", {4, 3}, {4, 3}, "add"), "");
  EXPECT_EQ(scatter("scatter_along_axis", {4, 3}, {2, 3}, "add"),
            "scatter_along_axis: updates is [2, 3], expected [4, 3]");
  EXPECT_THAT(scatter("scatter_along_axis", {4, 1}, {4, 1}, "add"), HasSubstr("must have the shape [2, 3]"));
  EXPECT_EQ(scatter("scatter_nd", {4, 1}, {4, 3}, "add"), "");
  EXPECT_EQ(scatter("scatter_nd", {4, 2}, {4, 3}, "add"), "scatter_nd: updates is [4, 3], expected [4]");
  EXPECT_THAT(scatter("scatter_nd", {4, 3}, {4}, "add"), HasSubstr("name more axes"));
}

TEST(Scatter, NaNWinsInMaximaAndMinima) {
  for (const char* mode : {"max", "min"}) {
    const auto y = values("scatter", {{"data", row(DType::fp32, {NAN, 1})},
                                      {"indices", Tensor::ints({0, 1})},
                                      {"updates", row(DType::fp32, {1, NAN})},
                                      {"mode", Tensor::text(mode)}});
    EXPECT_TRUE(std::isnan(y[0]) && std::isnan(y[1])) << mode;
  }
}

TEST(Scatter, IntegerProductsKeepTheirLowBits) {
  EXPECT_THAT(values("scatter", {{"data", row(DType::int32, {123456789})},
                                 {"indices", Tensor::ints({0, 0})},
                                 {"updates", row(DType::int32, {987654321, 2147483647})},
                                 {"mode", Tensor::text("mul")}}),
              ElementsAre(-2080330629));
}

// The gradient of a gather that clamps goes to the element that was taken.
TEST(Gather, GradientsFollowClampedIndices) {
  const auto backward = gradient(*Call("gather", {{"x", kFour}, {"indices", kWild}}).function());
  ASSERT_TRUE(backward) << backward.error().message;
  const Interpreter interpreter = *Interpreter::create(*backward, {}, Rounding::none);
  const Tensor dy = row(DType::fp32, {1, 2, 4, 8, 16, 32, 64});
  EXPECT_THAT(interpreter.run({to_array(kFour), to_array(kWild), to_array(dy)})[0].data, ElementsAre(105, 0, 0, 22));
}

// ---- Sorting.

TEST(Sort, EqualsKeepTheirOrderAndNaNIsLargest) {
  const Tensor x = row(DType::fp32, {1, NAN, 2, -INFINITY, 1, NAN, INFINITY});
  EXPECT_THAT(values("argsort", {{"x", x}, {"ascending", Tensor::boolean(true)}}), ElementsAre(3, 0, 4, 2, 6, 1, 5));
  EXPECT_THAT(values("argsort", {{"x", x}}), ElementsAre(1, 5, 6, 2, 0, 4, 3));
  const auto top = Call("topk", {{"x", x}, {"k", Tensor::integer(4)}}).run(Rounding::declared);
  EXPECT_THAT((*top)[1].data, ElementsAre(1, 5, 6, 2));
}

TEST(TopK, ParametersAreChecked) {
  const auto topk = [](int64_t k, const char* opset, std::string_view dtype = {}, int64_t size = 3) {
    GivenArguments arguments{{"x", zeros(DType::fp16, {2, size})}, {"k", Tensor::integer(k)}};
    if (!dtype.empty()) arguments.emplace_back("output_indices_dtype", Tensor::text(dtype));
    return Call("topk", arguments, opset).error();
  };
  EXPECT_EQ(topk(3, "ios15"), "");
  EXPECT_EQ(topk(4, "ios18"), "topk: k is 4, expected 1 to 3, the size of axis 1");
  EXPECT_EQ(topk(0, "ios18"), "topk: k is 0, expected 1 to 3, the size of axis 1");
  EXPECT_EQ(topk(-1, "ios16"), "topk: k is -1, expected 1 to 3, the size of axis 1");
  EXPECT_EQ(topk(-1, "ios17"), "");
  EXPECT_EQ(topk(1, "ios17", "int16"), "topk: output_indices_dtype is \"int16\", expected int32 or uint16");
  EXPECT_EQ(topk(1, "ios17", "uint16", 65536), "");
  EXPECT_EQ(topk(1, "ios17", "uint16", 65537),
            "topk: output_indices_dtype uint16 does not reach over axis 1 of size 65537");
  EXPECT_EQ(error("topk", {{"x", Tensor::scalar(DType::fp16, 1)}}), "topk: axis -1 is out of range for rank 0");
  EXPECT_EQ(error("argsort", {{"x", row(DType::fp16, {1})}, {"axis", Tensor::integer(1)}}),
            "argsort: axis 1 is out of range for rank 1");
}

// ---- Filling.

TEST(OneHot, ParametersAreChecked) {
  const auto one_hot = [](int64_t size, int64_t axis) {
    return error("one_hot", {{"indices", zeros(DType::int32, {2})},
                             {"one_hot_vector_size", Tensor::integer(size)},
                             {"axis", Tensor::integer(axis)}});
  };
  EXPECT_EQ(one_hot(3, 1), "");
  EXPECT_EQ(one_hot(0, 1), "one_hot: one_hot_vector_size is 0, expected 1 or more");
  EXPECT_EQ(one_hot(3, 2), "one_hot: axis 2 is out of range for rank 2");
  EXPECT_THAT(error("one_hot", {{"indices", zeros(DType::int32, {2})},
                                {"one_hot_vector_size", Tensor::integer(2)},
                                {"on_value", Tensor::scalar(DType::fp16, 1)},
                                {"off_value", Tensor::scalar(DType::fp32, 0)}}),
              HasSubstr("parameter off_value is fp32, but must have the element type fp16"));
}

TEST(Fill, SizesAreChecked) {
  EXPECT_EQ(error("fill", {{"shape", Tensor::ints({2, -1})}}), "fill: shape has a dimension -1");
  EXPECT_THAT(error("fill", {{"shape", Tensor::ints({1 << 30, 1 << 30})}}), HasSubstr("is too large"));
}

TEST(FillLike, IsKnownThoughItsReferenceIsNot) {
  Builder b;
  const Value x = b.input("x", {DType::fp16, {2}});
  const Value threes = b.apply("fill_like", {{"ref_tensor", x}, {"value", Tensor::integer(3)}});
  EXPECT_EQ(b.apply("fill", {{"shape", threes}}).shape(), (Shape{3, 3}));
}

TEST(Range, SizesAreChecked) {
  const auto range = [](double start, double end, double step) {
    return error("range_1d", {{"start", Tensor::scalar(DType::fp32, start)},
                              {"end", Tensor::scalar(DType::fp32, end)},
                              {"step", Tensor::scalar(DType::fp32, step)}});
  };
  EXPECT_EQ(range(0, 2, 0.5), "");
  EXPECT_EQ(range(0, 1, 0), "range_1d: step must not be 0");
  EXPECT_EQ(range(0, 1e30, 1),
            "range_1d: from 0 to 1.0000000150474662e+30 by 1 is no range of at most 2147483647 numbers");
  for (double odd : {double(NAN), double(INFINITY)}) EXPECT_THAT(range(0, odd, 1), HasSubstr("is no range"));
  EXPECT_THAT(range(NAN, 1, 1), HasSubstr("is no range"));
  EXPECT_THAT(range(0, 1, NAN), HasSubstr("is no range"));
}

TEST(NonZero, NeedsAConstant) {
  Builder b;
  b.apply("non_zero", {{"x", b.input("x", {DType::fp16, {2}})}});
  EXPECT_EQ(b.finish().error().message, "non_zero: parameter x must be a constant");
}

}  // namespace
}  // namespace anemone::mil
