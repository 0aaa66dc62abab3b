// States and buffers.
#include <gmock/gmock.h>

#include "mil/op_testing.h"

namespace anemone::mil {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

const TensorType kState{.dtype = DType::fp16, .shape = {2}, .state = true};

// Each run adds x to the state, and gives what the state was.
TEST(State, OutlivesARun) {
  Builder b;
  const Value sum = b.input("sum", kState), x = b.input("x", {DType::fp16, {2}});
  const Value before = b.apply("read_state", {{"input", sum}});
  b.apply_all("write_state", {{"input", sum}, {"data", before + x}});
  b.output("y", before);
  const Function function = *b.finish();
  const Interpreter interpreter = *Interpreter::create(function, {}, Rounding::declared);
  std::vector<Array> inputs{{kState, {0, 1}}, {{DType::fp16, {2}}, {10, 20}}};
  EXPECT_THAT(interpreter.run_updating(inputs)[0].data, ElementsAre(0, 1));
  EXPECT_THAT(inputs[0].data, ElementsAre(10, 21));
  EXPECT_THAT(interpreter.run_updating(inputs)[0].data, ElementsAre(10, 21));
  EXPECT_THAT(inputs[0].data, ElementsAre(20, 41));
}

// Reads see the writes before them, of the same run.
TEST(State, IsReadInOrder) {
  Builder b;
  const Value state = b.input("state", kState), x = b.input("x", {DType::fp16, {2}});
  b.apply_all("write_state", {{"input", state}, {"data", x}});
  b.output("y", b.apply("read_state", {{"input", state}}) * 2.0);
  const std::vector<Array> outputs =
      (*Interpreter::create(*b.finish(), {}, Rounding::declared)).run({{kState, {0, 0}}, {{DType::fp16, {2}}, {3, 4}}});
  EXPECT_THAT(outputs[0].data, ElementsAre(6, 8));
}

std::string write_error(const TensorType& data) {
  Builder b;
  const Value state = b.input("state", kState), x = b.input("x", data);
  b.apply_all("write_state", {{"input", state}, {"data", x}});
  b.output("y", b.apply("read_state", {{"input", state}}));
  const auto function = b.finish();
  return function ? "" : function.error().message;
}

TEST(State, TakesWhatItHolds) {
  EXPECT_EQ(write_error({DType::fp16, {2}}), "");
  EXPECT_EQ(write_error({DType::fp32, {2}}),
            "write_state: parameter data is tensor<fp32, [2]>, expected tensor<fp16, [2]>, as the state");
  EXPECT_THAT(write_error({DType::fp16, {1, 2}}), HasSubstr("expected tensor<fp16, [2]>"));
  EXPECT_THAT(write_error(kState), HasSubstr("data is state<tensor<fp16, [2]>>, expected a tensor"));
}

TEST(State, IsNoTensorAndNoConstant) {
  EXPECT_THAT(error("read_state", {{"input", zeros(DType::fp16, {2})}}), HasSubstr("expected a state"));
  EXPECT_THAT(error("relu", {{"x", Tensor::from_numbers(kState, std::vector{1.0, 2.0})}}),
              HasSubstr("expected a tensor"));
  Builder b;
  const Value constant = b.weight("w", kState);
  b.apply_all("write_state", {{"input", constant}, {"data", b.input("x", {DType::fp16, {2}})}});
  EXPECT_EQ(b.finish().error().message, "write_state: parameter input is a constant, expected an input");
}

std::string layout_error(const std::vector<double>& strides, const std::vector<double>& factors) {
  return error("tensor_to_tensor_buffer", {{"input", zeros(DType::fp16, {2, 3})},
                                           {"strides", row(DType::int64, strides)},
                                           {"interleave_factors", row(DType::uint8, factors)}});
}

TEST(Buffer, ItsStridesHoldTheTensor) {
  EXPECT_EQ(layout_error({32, 1}, {1, 1}), "");
  EXPECT_EQ(layout_error({3, 1}, {1, 1}), "");
  EXPECT_EQ(layout_error({2, 1}, {1, 1}),
            "tensor_to_tensor_buffer: strides [2, 1] do not hold a tensor of shape [2, 3]");
  EXPECT_THAT(layout_error({32, 0}, {1, 1}), HasSubstr("do not hold"));
  EXPECT_THAT(layout_error({-32, 1}, {1, 1}), HasSubstr("do not hold"));
  EXPECT_THAT(layout_error({1e15, 1}, {1, 1}), HasSubstr("do not hold"));
  EXPECT_THAT(layout_error({32, 1}, {1, 0}), HasSubstr("an interleave factor is 0"));
  EXPECT_THAT(layout_error({1}, {1, 1}), HasSubstr("need 2 numbers"));
  EXPECT_THAT(layout_error({32, 1}, {1}), HasSubstr("need 2 numbers"));
}

TEST(Buffer, IsNoTensor) {
  const TensorType buffer{.dtype = DType::fp16, .shape = {2}, .buffer = BufferLayout{{1}, {1}}};
  EXPECT_THAT(error("relu", {{"x", Tensor::from_numbers(buffer, std::vector{1.0, 2.0})}}),
              HasSubstr("expected a tensor"));
  EXPECT_THAT(error("tensor_buffer_to_tensor", {{"input", zeros(DType::fp16, {2})}}),
              HasSubstr("expected a tensor_buffer"));
}

TEST(Buffer, HoldsTheValuesInItsLayout) {
  const Tensor x = row(DType::fp16, {1, 2, 3});
  const GivenArguments layout{
      {"input", x}, {"strides", row(DType::int64, {1})}, {"interleave_factors", row(DType::uint8, {1})}};
  EXPECT_THAT(values("tensor_to_tensor_buffer", layout), ElementsAre(1, 2, 3));
  EXPECT_EQ(Call("tensor_to_tensor_buffer", layout).type().buffer, (BufferLayout{{1}, {1}}));
}

}  // namespace
}  // namespace anemone::mil
