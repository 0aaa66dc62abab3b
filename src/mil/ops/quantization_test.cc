// The rules of quantisation and of constants stored compressed.
#include <gmock/gmock.h>

#include <cmath>

#include "mil/op_testing.h"
#include "mil/rewrite.h"

namespace anemone::mil {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

// ---- quantize, dequantize.

std::string quantize_error(const Tensor& scale, GivenArguments more) {
  more.insert(more.end(), {{"input", zeros(DType::fp16, {2, 3})}, {"scale", scale}});
  return error("quantize", more);
}

TEST(Quantize, ScalesFitTheirAxis) {
  const std::pair<std::string, Given> to{"output_dtype", Tensor::text("int8")};
  const Tensor scalar = Tensor::scalar(DType::fp16, 1), three = row(DType::fp16, {1, 2, 3});
  const auto axis = [](int64_t value) { return std::pair<std::string, Given>{"axis", Tensor::integer(value)}; };
  EXPECT_EQ(quantize_error(scalar, {to}), "");
  EXPECT_EQ(quantize_error(three, {to, axis(-1)}), "");
  EXPECT_EQ(quantize_error(three, {to, axis(0)}),
            "quantize: parameter scale has the shape [3], expected a scalar or [2], as input has along axis 0");
  EXPECT_EQ(quantize_error(three, {to}), "quantize: parameter scale is a vector: axis is missing");
  EXPECT_EQ(quantize_error(three, {to, axis(2)}), "quantize: axis 2 is out of range for rank 2");
  EXPECT_EQ(quantize_error(scalar, {to, axis(0)}), "quantize: axis stands beside a scalar scale");
  EXPECT_THAT(quantize_error(three, {to, {"axis", Tensor::ints({})}}), HasSubstr("axis is tensor<int32, [0]>"));
  EXPECT_THAT(quantize_error(zeros(DType::fp16, {1, 3}), {to, axis(1)}), HasSubstr("scale has the shape [1, 3]"));
}

TEST(Quantize, ZeroPointsAreOfTheResultsType) {
  const std::pair<std::string, Given> to{"output_dtype", Tensor::text("int8")};
  const Tensor scalar = Tensor::scalar(DType::fp16, 1);
  EXPECT_EQ(quantize_error(scalar, {to, {"zero_point", Tensor::scalar(DType::uint8, 1)}}),
            "quantize: zero_point is uint8, expected int8, as output_dtype says");
  EXPECT_THAT(quantize_error(scalar, {to, {"zero_point", row(DType::int8, {1})}}),
              HasSubstr("must both be scalars or both vectors"));
  EXPECT_THAT(quantize_error(scalar, {{"output_dtype", Tensor::text("int4")}}), HasSubstr("output_dtype is \"int4\""));
  EXPECT_THAT(
      error("dequantize",
            {{"input", zeros(DType::int8, {2})}, {"scale", scalar}, {"zero_point", Tensor::scalar(DType::uint8, 1)}}),
      HasSubstr("zero_point is uint8"));
}

TEST(Quantize, InfinitiesSaturateAndNaNIsZero) {
  EXPECT_THAT(values("quantize", {{"input", row(DType::fp32, {INFINITY, -INFINITY, NAN, 2.5, 3.5})},
                                  {"scale", Tensor::scalar(DType::fp32, 1)},
                                  {"zero_point", Tensor::scalar(DType::uint8, 3)},
                                  {"output_dtype", Tensor::text("uint8")}}),
              ElementsAre(255, 0, 0, 5, 7));
}

TEST(Quantize, CompositionsGiveWhatTheReferenceGives) {
  for (const GoldenCase& golden : golden_cases("quantization")) {
    const Call call(golden.op, golden.arguments, golden.opset);
    if (!find_op(golden.op)->compose) continue;
    const auto composed = expand(
        *call.function(), [&](const OpDef& op) { return op.name == golden.op; }, Arithmetic::fp32);
    ASSERT_TRUE(composed) << golden.text << composed.error().message;
    const std::vector<Array> results = (*Interpreter::create(*composed, {}, Rounding::none)).run(call.inputs());
    EXPECT_EQ(results[0].type, golden.types[0]) << golden.text;
    EXPECT_EQ(results[0].data, golden.results[0].numbers()) << golden.text;
  }
}

// ---- constexpr.

TEST(Constexpr, AnAffineScaleFitsItsAxis) {
  const auto refused = [](int64_t axis, const Tensor& scale, const Tensor& zero_point) {
    return error("constexpr_affine_dequantize", {{"quantized_data", zeros(DType::int8, {2, 3})},
                                                 {"scale", scale},
                                                 {"zero_point", zero_point},
                                                 {"axis", Tensor::integer(axis)}});
  };
  const Tensor scale = row(DType::fp16, {1, 2}), zero_point = Tensor::scalar(DType::int8, 0);
  EXPECT_EQ(refused(0, scale, zero_point), "");
  EXPECT_THAT(refused(1, scale, zero_point), HasSubstr("scale has the shape [2], expected a scalar or [3]"));
  EXPECT_THAT(refused(0, scale, row(DType::int8, {1, 2, 3})), HasSubstr("zero_point has the shape [3]"));
  EXPECT_THAT(refused(-3, scale, zero_point), HasSubstr("axis -3 is out of range"));
}

Tensor shape_of(const std::vector<double>& dimensions) { return row(DType::uint32, dimensions); }

TEST(Constexpr, PackedBytesFitTheShape) {
  const auto table = [](int64_t bytes, int64_t entries, const std::vector<double>& dimensions) {
    return Call("constexpr_lut_to_dense",
                {{"indices", zeros(DType::uint8, {bytes})},
                 {"lut", zeros(DType::fp16, {entries})},
                 {"shape", shape_of(dimensions)}},
                "ios17")
        .error();
  };
  EXPECT_EQ(table(3, 16, {5}), "");
  EXPECT_EQ(table(2, 16, {5}), "constexpr_lut_to_dense: indices has 2 bytes, but 5 elements of 4 bits take 3");
  EXPECT_THAT(table(3, 8, {5}), HasSubstr("lut has the shape [8], expected 2, 4, 16, 64 or 256 values"));
  EXPECT_THAT(table(3, 16, {4e9}), HasSubstr("dimension out of range"));
  EXPECT_THAT(table(3, 16, {2e9, 2e9, 2e9}), HasSubstr("too large"));
}

TEST(Constexpr, AMasksBitsAreCountedAgainstTheValues) {
  const auto sparse = [](const std::vector<double>& mask, int64_t values, const std::vector<double>& dimensions) {
    return Call("constexpr_sparse_to_dense",
                {{"nonzero_data", zeros(DType::fp16, {values})},
                 {"mask", row(DType::uint8, mask)},
                 {"shape", shape_of(dimensions)}},
                "ios16")
        .error();
  };
  EXPECT_EQ(sparse({0x81, 0x02}, 3, {2, 5}), "");
  EXPECT_EQ(sparse({0x81, 0x82}, 3, {2, 5}), "") << "bits beyond the last element do not count";
  EXPECT_EQ(sparse({0x81, 0x02}, 4, {2, 5}),
            "constexpr_sparse_to_dense: parameter nonzero_data has 4 values, but 3 bits of mask are set");
  EXPECT_THAT(sparse({0x81}, 2, {2, 5}), HasSubstr("mask has 1 bytes, but 10 elements of 1 bits take 2"));
  const Tensor mask = row(DType::uint1, {1, 0, 1, 0, 0, 0, 0, 0, 1});
  EXPECT_THAT(error("constexpr_sparse_to_dense", {{"nonzero_data", row(DType::fp16, {1})}, {"mask", mask}}),
              HasSubstr("nonzero_data has 1 values, but 3 bits of mask are set"));
  EXPECT_THAT(error("constexpr_sparse_to_dense", {{"nonzero_data", zeros(DType::fp16, {3, 1})}, {"mask", mask}}),
              HasSubstr("expected rank 1"));
}

// The mask's file comes after the check: too few values leave zeros, too many are left.
TEST(Constexpr, AMaskThatDoesNotFitItsValuesIsSafe) {
  for (int64_t stored : {0, 1, 5}) {
    Builder b;
    const TensorType values_type{DType::fp16, {stored}};
    const Value values = b.weight("values", values_type), mask = b.weight("mask", {DType::uint1, {4}});
    b.output("y", b.apply("constexpr_sparse_to_dense", {{"nonzero_data", values}, {"mask", mask}}));
    const std::vector<Value> scaled =
        b.apply_all("constexpr_sparse_blockwise_shift_scale",
                    {{"data_mask", mask}, {"nonzero_data", values}, {"scale", row(DType::fp16, {2})}});
    b.output("z", scaled[1]);
    const Function function = *b.finish();
    Weights weights;
    weights.set(weight_file("values"), Tensor::from_numbers(values_type, std::vector<double>(size_t(stored), 7)));
    weights.set(weight_file("mask"), row(DType::uint1, {0, 1, 1, 0}));
    const std::vector<Array> outputs = (*Interpreter::create(function, weights, Rounding::declared)).run({});
    EXPECT_THAT(outputs[0].data, ElementsAre(0, stored > 0 ? 7 : 0, stored > 1 ? 7 : 0, 0));
    EXPECT_EQ(outputs[1].data.size(), size_t(stored));
  }
}

TEST(Constexpr, BlocksDivideTheData) {
  const auto refused = [](const Shape& scale, GivenArguments more) {
    more.insert(more.end(), {{"data", zeros(DType::int4, {4, 6})}, {"scale", zeros(DType::fp16, scale)}});
    return error("constexpr_blockwise_shift_scale", more);
  };
  EXPECT_EQ(refused({2, 3}, {}), "");
  EXPECT_EQ(refused({3, 1}, {}), "constexpr_blockwise_shift_scale: the groups [3, 1] of scale do not divide [4, 6]");
  EXPECT_THAT(refused({0, 1}, {}), HasSubstr("do not divide"));
  EXPECT_THAT(refused({2}, {}), HasSubstr("do not divide"));
  EXPECT_THAT(refused({2, 3}, {{"offset", zeros(DType::int4, {2, 1})}}), HasSubstr("offset has the shape [2, 1]"));
  EXPECT_THAT(refused({2, 3}, {{"offset", zeros(DType::int8, {2, 3})}}), HasSubstr("expected fp16, fp32 or int4"));
  EXPECT_EQ(refused({2, 3}, {{"offset", zeros(DType::fp32, {2, 3})}}), "");
}

TEST(Constexpr, ATableFitsItsIndices) {
  const auto refused = [](const Shape& lut, GivenArguments more) {
    more.insert(more.end(), {{"indices", zeros(DType::uint2, {4, 6})}, {"lut", zeros(DType::fp16, lut)}});
    return error("constexpr_lut_to_dense", more);
  };
  const GivenArguments axis{{"vector_axis", Tensor::integer(1)}};
  EXPECT_EQ(refused({2, 3, 4, 1}, {}), "");
  EXPECT_EQ(refused({2, 3, 4, 5}, axis), "");
  EXPECT_EQ(refused({2, 3, 3, 1}, {}),
            "constexpr_lut_to_dense: lut has the shape [2, 3, 3, 1], expected [2 dimensions, 4, values an index]");
  EXPECT_THAT(refused({2, 3, 4, 0}, axis), HasSubstr("values an index"));
  EXPECT_THAT(refused({4, 1}, {}), HasSubstr("2 dimensions"));
  EXPECT_THAT(refused({3, 3, 4, 1}, {}), HasSubstr("do not divide"));
  EXPECT_THAT(refused({2, 3, 4, 5}, {}), HasSubstr("vector_axis is missing"));
  EXPECT_THAT(refused({2, 3, 4, 5}, {{"vector_axis", Tensor::integer(2)}}), HasSubstr("axis 2 is out of range"));
  EXPECT_THAT(refused({2, 3, 4, 5}, {{"vector_axis", Tensor::ints({})}}), HasSubstr("expected one number"));
}

TEST(Constexpr, ResultsFeedWhatMustBeConstant) {
  Builder b;
  const Value x = b.input("x", {DType::fp16, {1, 2, 1, 3}});
  const Value w = b.apply("constexpr_blockwise_shift_scale", {{"data", b.weight("w", {DType::int4, {5, 2, 1, 1}})},
                                                              {"scale", zeros(DType::fp16, {5, 1, 1, 1})}});
  b.output("y", conv(x, w));
  EXPECT_TRUE(b.finish());
}

TEST(Constexpr, TheOldCastGivesFp32) {
  EXPECT_THAT(error("constexpr_cast", {{"source_val", row(DType::fp16, {1})}, {"output_dtype", Tensor::text("int8")}}),
              HasSubstr("output_dtype is \"int8\", expected fp32"));
}

}  // namespace
}  // namespace anemone::mil
