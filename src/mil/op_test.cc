// Each op's rule and values. The numbers of tests/golden/ops are NumPy's and PyTorch's.
#include "mil/op.h"

#include <gmock/gmock.h>

#include <cmath>
#include <set>

#include "mil/op_testing.h"

namespace anemone::mil {
namespace {

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
  std::set<const OpDef*> covered{find_op("const"), find_op("write_state")};  // which have no results to compare
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

}  // namespace
}  // namespace anemone::mil
