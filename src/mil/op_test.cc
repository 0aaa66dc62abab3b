// Each op's rule and values. The numbers of tests/golden/ops are NumPy's and PyTorch's.
#include "mil/op.h"

#include <gmock/gmock.h>

#include <cmath>
#include <set>

#include "mil/op_testing.h"

namespace anemone::mil {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

// ---- Golden values.

TEST(OpValues, EqualNumPysAndPyTorchs) {
  for (const GoldenCase& golden : golden_cases()) {
    const auto results = Call(golden.op, golden.arguments, golden.opset).run(Rounding::none);
    ASSERT_TRUE(results) << golden.text << results.error().message;
    ASSERT_EQ(results->size(), golden.results.size()) << golden.text;
    for (size_t r = 0; r < results->size(); ++r) {
      const Array& result = (*results)[r];
      EXPECT_EQ(result.type, golden.types[r]) << golden.text;
      const std::vector<double> expected = golden.results[r].numbers();
      ASSERT_EQ(result.data.size(), expected.size()) << golden.text;
      for (size_t i = 0; i < expected.size(); ++i) {
        if (std::isfinite(expected[i])) {
          ASSERT_NEAR(result.data[i], expected[i], 1e-12 * std::max(1.0, std::fabs(expected[i])))
              << i << " of " << golden.text;
        } else {
          ASSERT_THAT(result.data[i], testing::NanSensitiveDoubleEq(expected[i])) << i << " of " << golden.text;
        }
      }
    }
  }
}

TEST(OpValues, CoverEveryOpOfTheTable) {
  std::set<const OpDef*> covered{find_op("const")};
  for (const GoldenCase& golden : golden_cases()) covered.insert(find_op(golden.op, *parse_opset(golden.opset)));
  for (const OpDef& op : all_ops()) EXPECT_TRUE(covered.contains(&op)) << op.name << " of ios" << op.since;
}

// ---- What every op shares.

TEST(OpTable, NamesAreUniqueAndFound) {
  for (const OpDef& op : all_ops()) EXPECT_EQ(find_op(op.name, op.since), &op) << op.name;
  EXPECT_EQ(find_op("conv_quantized"), nullptr);
}

TEST(OpCheck, NamesAMissingOrUnknownParameter) {
  const Tensor x = row(DType::fp16, {1});
  EXPECT_EQ(error("add", {{"x", x}}), "add: parameter y is missing");
  EXPECT_EQ(error("relu", {{"x", x}, {"alpha", x}}), "relu: there is no parameter alpha");
  EXPECT_EQ(error("gelu6", {{"x", x}}), "there is no op gelu6");
}

TEST(OpCheck, EveryOpRefusesToBeCalledWithNothing) {
  for (const OpDef& op : all_ops()) EXPECT_THAT(error(op.name, {}), HasSubstr(std::string(op.name) + ": ")) << op.name;
}

// A wrong element type for the first operand of each op.
TEST(OpCheck, EveryOpRefusesAString) {
  for (const OpDef& op : all_ops()) {
    if (op.params.empty()) continue;
    EXPECT_THAT(error(op.name, {{std::string(op.params[0].name), Tensor::text("a")}}), HasSubstr("is string, expected"))
        << op.name;
  }
}

TEST(OpCheck, OperandsOfOneLetterAgreeInElementType) {
  EXPECT_THAT(error("add", {{"x", row(DType::fp16, {1})}, {"y", row(DType::fp32, {1})}}),
              HasSubstr("parameter y is tensor<fp32, [1]>, but must have the element type fp16"));
  EXPECT_THAT(error("matmul", {{"x", zeros(DType::fp16, {1, 1})}, {"y", zeros(DType::fp32, {1, 1})}}),
              HasSubstr("parameter y"));
  EXPECT_THAT(error("conv", {{"x", zeros(DType::fp16, {1, 1, 1})}, {"weight", zeros(DType::fp32, {1, 1, 1})}}),
              HasSubstr("parameter weight"));
  EXPECT_THAT(error("concat", {{"values", std::vector{row(DType::fp16, {1}), row(DType::int32, {1})}},
                               {"axis", Tensor::integer(0)}}),
              HasSubstr("parameter values"));
}

TEST(OpCheck, TypesOutsideTheOpsAreRefused) {
  EXPECT_EQ(error("exp", {{"x", row(DType::int32, {1})}}),
            "exp: parameter x is tensor<int32, [1]>, expected fp16 or fp32");
  EXPECT_THAT(error("add", {{"x", row(DType::boolean, {1})}, {"y", row(DType::boolean, {1})}}),
              HasSubstr("expected fp16, fp32 or int32"));
  EXPECT_THAT(error("relu", {{"x", row(DType::fp64, {1})}}), HasSubstr("expected fp16 or fp32"));
  EXPECT_THAT(error("relu", {{"x", row(DType::bf16, {1})}}), HasSubstr("expected fp16 or fp32"));
  EXPECT_THAT(error("softmax", {{"x", row(DType::fp16, {1})}, {"axis", row(DType::fp16, {0})}}),
              HasSubstr("expected int32"));
  EXPECT_THAT(error("reduce_sum", {{"x", row(DType::fp16, {1})}, {"keep_dims", Tensor::integer(1)}}),
              HasSubstr("expected bool"));
  EXPECT_THAT(error("cast", {{"x", row(DType::fp16, {1})}, {"dtype", Tensor::integer(1)}}),
              HasSubstr("expected string"));
}

TEST(OpCheck, AParameterThatMustBeConstantIsNoInput) {
  Builder b;
  const Value x = b.input("x", {DType::fp16, {2}}), axis = b.input("axis", {DType::int32, {}});
  b.apply("softmax", {{"x", x}, {"axis", axis}});
  EXPECT_EQ(b.finish().error().message, "softmax: parameter axis must be a constant");
}

TEST(OpCheck, OneValueIsNotATuple) {
  const std::vector pair{row(DType::fp16, {1}), row(DType::fp16, {1})};
  EXPECT_EQ(error("relu", {{"x", pair}}), "relu: parameter x takes one value");
  EXPECT_EQ(error("concat", {{"values", std::vector<Tensor>{}}, {"axis", Tensor::integer(0)}}),
            "concat: parameter values takes at least one value");
}

TEST(OpCheck, AResultTooLargeForAnyMemoryIsRefused) {
  Builder b;
  const int64_t large = 1 << 30;
  b.input("x", {DType::fp16, {large, 1}}) + b.input("y", {DType::fp16, {1, large}});
  EXPECT_THAT(b.finish().error().message, HasSubstr("add: tensor<fp16, [1073741824, 1073741824]> is too large"));
}

TEST(OpCheck, AxesOutOfRangeAreNamed) {
  const Tensor x = zeros(DType::fp16, {2, 3}), scalar = Tensor::scalar(DType::fp16, 1);
  EXPECT_EQ(error("softmax", {{"x", x}, {"axis", Tensor::integer(2)}}), "softmax: axis 2 is out of range for rank 2");
  EXPECT_EQ(error("softmax", {{"x", scalar}}), "softmax: axis -1 is out of range for rank 0");
  for (const char* op : {"reduce_sum", "reduce_mean", "reduce_max", "reduce_min"}) {
    EXPECT_THAT(error(op, {{"x", x}, {"axes", Tensor::ints({0, -3})}}),
                HasSubstr(": axis -3 is out of range for rank 2"));
    EXPECT_THAT(error(op, {{"x", scalar}, {"axes", Tensor::ints({0})}}), HasSubstr("rank 0"));
  }
  EXPECT_EQ(error("concat", {{"values", std::vector{x, x}}, {"axis", Tensor::integer(2)}}),
            "concat: axis 2 is out of range for rank 2");
  EXPECT_EQ(error("concat", {{"values", std::vector{scalar, scalar}}, {"axis", Tensor::integer(0)}}),
            "concat: axis 0 is out of range for rank 0");
  EXPECT_EQ(error("transpose", {{"x", x}, {"perm", Tensor::ints({0, 2})}}),
            "transpose: axis 2 is out of range for rank 2");
}

// ---- Reductions.

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

// ---- Shape.

TEST(Cast, ToIntegersTruncatesAndSaturates) {
  const Tensor x = row(DType::fp32, {-1.9, 1.9, 300, -300, 1e20, -INFINITY, NAN});
  const auto cast = [&](std::string_view to) { return values("cast", {{"x", x}, {"dtype", Tensor::text(to)}}); };
  EXPECT_THAT(cast("int8"), ElementsAre(-1, 1, 127, -128, 127, -128, 0));
  EXPECT_THAT(cast("uint8"), ElementsAre(0, 1, 255, 0, 255, 0, 0));
  EXPECT_THAT(cast("int16"), ElementsAre(-1, 1, 300, -300, 32767, -32768, 0));
  EXPECT_THAT(cast("uint16"), ElementsAre(0, 1, 300, 0, 65535, 0, 0));
  EXPECT_THAT(cast("int32"), ElementsAre(-1, 1, 300, -300, 2147483647, -2147483648.0, 0));
  EXPECT_THAT(cast("bool"), ElementsAre(1, 1, 1, 1, 1, 1, 1));
}

TEST(Cast, ToAHalfRoundsOnce) {
  EXPECT_THAT(values("cast", {{"x", row(DType::fp32, {2049, 1e6})}, {"dtype", Tensor::text("fp16")}}),
              ElementsAre(2048, INFINITY));
}

TEST(Cast, OtherTypesAreRefused) {
  for (const char* to : {"fp64", "int64", "bf16", "uint32", "uint64", "int4", "string", "float", ""}) {
    EXPECT_THAT(error("cast", {{"x", row(DType::fp16, {1})}, {"dtype", Tensor::text(to)}}), HasSubstr("expected int32"))
        << to;
  }
}

TEST(Reshape, WhatDoesNotFitIsRefused) {
  const auto to = [](const std::vector<int64_t>& shape) {
    return error("reshape", {{"x", zeros(DType::fp16, {2, 3})}, {"shape", Tensor::ints(shape)}});
  };
  EXPECT_EQ(to({3, 2}), "");
  EXPECT_EQ(to({4, -1}), "reshape: [2, 3] does not fit [4, -1]");
  EXPECT_EQ(to({5}), "reshape: [2, 3] does not fit [5]");
  EXPECT_EQ(to({7, -1}), "reshape: [2, 3] does not fit [7, -1]");
  EXPECT_THAT(to({-1, -1}), HasSubstr("has a dimension -1"));
  EXPECT_THAT(to({-2, 3}), HasSubstr("has a dimension -2"));
  EXPECT_THAT(to({1 << 30, 1 << 30, 1 << 30, -1}), HasSubstr("does not fit"));
}

TEST(Reshape, ZerosCopyFromTheRight) {
  EXPECT_EQ(shape("reshape", {{"x", zeros(DType::fp16, {2, 50})}, {"shape", Tensor::ints({1, 0, -1, 0})}}),
            (Shape{1, 1, 2, 50}));
  EXPECT_EQ(shape("reshape", {{"x", zeros(DType::fp16, {2, 3, 5})}, {"shape", Tensor::ints({-1, 0})}}), (Shape{6, 5}));
}

TEST(Transpose, PermNamesEachAxisOnce) {
  const Tensor x = zeros(DType::fp16, {2, 3});
  EXPECT_EQ(error("transpose", {{"x", x}, {"perm", Tensor::ints({0})}}), "transpose: perm needs 2 axes");
  EXPECT_EQ(error("transpose", {{"x", x}, {"perm", Tensor::ints({1, -1})}}), "transpose: axis 1 stands twice in perm");
  EXPECT_THAT(values("transpose", {{"x", Tensor::scalar(DType::fp16, 3)}, {"perm", Tensor::ints({})}}), ElementsAre(3));
}

TEST(SliceBySize, StaysWithinItsInput) {
  const auto slice = [](const std::vector<int64_t>& begin, const std::vector<int64_t>& size) {
    return error("slice_by_size",
                 {{"x", zeros(DType::fp16, {4, 5})}, {"begin", Tensor::ints(begin)}, {"size", Tensor::ints(size)}});
  };
  EXPECT_EQ(slice({-4, 0}, {4, -1}), "");
  EXPECT_EQ(slice({0, 1}, {4, 5}), "slice_by_size: begin [0, 1] and size [4, 5] leave [4, 5]");
  EXPECT_THAT(slice({-5, 0}, {1, 1}), HasSubstr("leave"));
  EXPECT_THAT(slice({4, 0}, {-1, 1}), HasSubstr("leave"));
  EXPECT_THAT(slice({0, 0}, {0, 1}), HasSubstr("leave"));
  EXPECT_THAT(slice({0, 0}, {-2, 1}), HasSubstr("leave"));
  EXPECT_EQ(slice({0}, {4, 5}), "slice_by_size: begin and size need 2 numbers");
}

TEST(Concat, ValuesAgreeOutsideTheAxis) {
  const auto join = [](const Shape& a, const Shape& b, bool interleave) {
    return error("concat", {{"values", std::vector{zeros(DType::fp16, a), zeros(DType::fp16, b)}},
                            {"axis", Tensor::integer(1)},
                            {"interleave", Tensor::boolean(interleave)}});
  };
  EXPECT_EQ(join({2, 3}, {2, 1}, false), "");
  EXPECT_EQ(join({2, 3}, {1, 3}, false), "concat: [2, 3] and [1, 3] differ outside axis 1");
  EXPECT_EQ(join({2, 3}, {2, 3, 1}, false), "concat: the values differ in rank");
  EXPECT_EQ(join({2, 3}, {2, 1}, true), "concat: interleave needs equal shapes");
}

TEST(Concat, KeepsWhatIsNoNumberOfArithmetic) {
  const std::vector pair{row(DType::boolean, {1}), row(DType::boolean, {0})};
  EXPECT_THAT(values("concat", {{"values", pair}, {"axis", Tensor::integer(0)}}), ElementsAre(1, 0));
}

TEST(Concat, TakesConstantsWithoutElements) {
  Builder b;
  const Value empty = b.constant(Tensor::ints({})), one = b.constant(Tensor::ints({4}));
  b.output("y", concat({empty, one, empty}, 0));
  b.output("z", concat({empty, empty}, 0));
  const Interpreter interpreter = *Interpreter::create(*b.finish(), {}, Rounding::declared);
  const std::vector<Array> outputs = interpreter.run({});
  EXPECT_THAT(outputs[0].data, ElementsAre(4));
  EXPECT_THAT(outputs[1].data, ElementsAre());
}

// ---- Products.

TEST(Conv, ShapesAndParametersAreChecked) {
  const auto conv = [](const Shape& x, const Shape& weight, GivenArguments more) {
    more.emplace_back("x", zeros(DType::fp16, x));
    more.emplace_back("weight", zeros(DType::fp16, weight));
    return error("conv", more);
  };
  EXPECT_EQ(conv({1, 4, 5}, {2, 4, 3}, {}), "");
  EXPECT_THAT(conv({1, 4}, {2, 4}, {}), HasSubstr("must have one rank, 3 to 5"));
  EXPECT_THAT(conv({1, 4, 5, 5}, {2, 4, 3}, {}), HasSubstr("must have one rank"));
  EXPECT_THAT(conv({1, 4, 5}, {2, 3, 3}, {}), HasSubstr("has not the channels"));
  EXPECT_THAT(conv({1, 4, 5}, {3, 2, 3}, {{"groups", Tensor::integer(2)}}), HasSubstr("with 2 groups"));
  EXPECT_THAT(conv({1, 4, 5}, {2, 4, 3}, {{"groups", Tensor::integer(0)}}), HasSubstr("with 0 groups"));
  EXPECT_EQ(conv({1, 4, 5}, {2, 4, 6}, {}), "conv: the kernel is larger than the padded input");
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

}  // namespace
}  // namespace anemone::mil
