// Programs with narrow rows, rewritten, answer the same bytes, whatever stands behind the tensors.
#include "device/ane/wide_rows.h"

#include <gmock/gmock.h>

#include <cstring>

#include "device/device.h"
#include "mil/builder.h"
#include "mil/printer.h"

namespace anemone::ane {
namespace {

using mil::DType;
using mil::Function;
using mil::Shape;
using mil::TensorType;

constexpr std::byte kPoison{0xFF};

// tanh(x) + w, over the last axis.
Function program(const TensorType& type) {
  mil::Builder b;
  b.output("y", tanh(b.input("x", type)) * 3.0);
  return b.finish().value();
}

// Of a tensor of that many bytes, in surfaces of what the function declares.
std::vector<std::byte> run(const Function& function, const std::vector<std::byte>& x) {
  const auto device = open_device("ref").value();
  const auto compiled = device->compile(function, {}).value();
  const auto input = device->allocate(compiled->signature().inputs[0].type.bytes()).value();
  const auto output = device->allocate(compiled->signature().outputs[0].type.bytes()).value();
  {
    const Map map = input->map(Access::write);
    std::ranges::fill(map.bytes(), kPoison);
    std::ranges::copy(x, map.bytes().begin());
  }
  EXPECT_TRUE(compiled->bind({input.get()}, {output.get()}).value()->run());
  const Map map = output->map(Access::read);
  return {map.bytes().begin(), map.bytes().begin() + int64_t(x.size())};
}

std::vector<std::byte> numbers(const TensorType& type) {
  std::vector<std::byte> bytes(type.bytes());
  for (int64_t i = 0; i < type.count(); ++i) mil::store_number(type.dtype, bytes.data(), i, double(i % 251) / 64 - 2);
  return bytes;
}

class WideRows : public testing::TestWithParam<Shape> {};

TEST_P(WideRows, AnswerTheSameBytes) {
  for (DType dtype : {DType::fp16, DType::fp32}) {
    const TensorType type{dtype, GetParam()};
    const Function narrow = program(type), wide = with_wide_rows(narrow, {}).value();
    for (const auto* ids : {&wide.inputs, &wide.outputs}) {
      EXPECT_EQ(wide.value(ids->at(0)).type.shape.back(), 64) << mil::print(wide);
      EXPECT_LT(wide.value(ids->at(0)).type.count() - type.count(), 64 * type.count());
    }
    EXPECT_EQ(run(wide, numbers(type)), run(narrow, numbers(type))) << mil::print(wide);
  }
}

INSTANTIATE_TEST_SUITE_P(Shapes, WideRows,
                         testing::Values(Shape{1, 64, 1, 8}, Shape{1, 3, 1, 1}, Shape{1, 1, 1, 1}, Shape{1, 1, 1, 33},
                                         Shape{1, 12, 1, 8}, Shape{1, 5, 7, 3}, Shape{2, 5, 7, 3}, Shape{7},
                                         Shape{1, 9}, Shape{3, 48}, Shape{1, 2, 3, 4, 5}, Shape{1, 100, 1, 100}));

TEST(WideRows, LeaveOtherProgramsAlone) {
  const Function function = program({DType::fp16, {1, 7, 1, 96}});
  EXPECT_EQ(with_wide_rows(function, {}).value(), function);
}

TEST(WideRows, KeepPortsThatAreWide) {
  mil::Builder b;
  const mil::Value x = b.input("x", {DType::fp16, {1, 4, 1, 32}});
  b.output("y", sum(x, {3}));
  const Function wide = with_wide_rows(b.finish().value(), {}).value();
  EXPECT_THAT(mil::print(wide), testing::AllOf(testing::HasSubstr("(tensor<fp16, [1, 4, 1, 32]> x)"),
                                               testing::HasSubstr("tensor<fp16, [1, 1, 1, 64]> y = reshape(")));
}

TEST(WideRows, SayWhatCannotBeDeclaredSo) {
  const auto error_of = [](const TensorType& type) { return with_wide_rows(program(type), {}).error().message; };
  EXPECT_THAT(error_of({DType::fp16, {1, 65536, 65, 1}}),
              testing::HasSubstr("x is tensor<fp16, [1, 65536, 65, 1]>: engines were seen to misread rows"));
}

}  // namespace
}  // namespace anemone::ane
