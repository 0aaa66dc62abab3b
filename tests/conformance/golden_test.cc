// Every op of the table on every device, against ref: the cases of tests/golden/ops, a program each.
#include "compare.h"
#include "mil/op_testing.h"

namespace anemone::conformance {
namespace {

constexpr double kEpsilons = 16;

mil::Tensor narrowed(const mil::Tensor& tensor) {
  mil::TensorType type = tensor.type();
  if (type.dtype != mil::DType::fp32) return tensor;
  type.dtype = mil::DType::fp16;
  return mil::Tensor::from_numbers(std::move(type), tensor.numbers());
}

mil::GivenArguments narrowed(mil::GivenArguments arguments) {
  for (auto& [name, given] : arguments) {
    if (auto* tuple = std::get_if<std::vector<mil::Tensor>>(&given)) {
      for (mil::Tensor& tensor : *tuple) tensor = narrowed(tensor);
    } else if (auto* fixed = std::get_if<mil::Fixed>(&given)) {
      fixed->tensor = narrowed(fixed->tensor);
    } else {
      given = narrowed(std::get<mil::Tensor>(given));
    }
  }
  return arguments;
}

// The case's arguments, with fp16 for fp32 where that is asked for and the op allows it.
mil::GivenArguments arguments_of(const mil::GoldenCase& golden, mil::DType dtype) {
  mil::GivenArguments halves = narrowed(golden.arguments);
  const bool allowed = bool(mil::Call(golden.op, halves, golden.opset).function());
  return dtype == mil::DType::fp16 && allowed ? halves : golden.arguments;
}

class GoldenConformance : public testing::TestWithParam<Target> {};

TEST_P(GoldenConformance, AgreesWithRef) {
  for (const mil::GoldenCase& golden : mil::golden_cases()) {
    SCOPED_TRACE(golden.text.substr(0, 500));
    const mil::Call call(golden.op, arguments_of(golden, element_type(GetParam().precision)), golden.opset);
    ASSERT_TRUE(call.function()) << call.error();
    expect_as_ref(GetParam(), *call.function(), {}, {.given = call.inputs()}, kEpsilons);
  }
}

// A composition must find its ops in old programs too.
TEST_P(GoldenConformance, CompilesInTheOpsetThatBroughtTheOp) {
  const auto device = *open_device(GetParam().device, {.precision = GetParam().precision});
  for (const mil::GoldenCase& golden : mil::golden_cases()) {
    SCOPED_TRACE(golden.text.substr(0, 500));
    const mil::OpDef* op = mil::find_op(golden.op, *mil::parse_opset(golden.opset));
    const mil::Call call(golden.op, golden.arguments, fmt::format("ios{}", op->since));
    const auto program = device->compile(*call.function(), {});
    EXPECT_TRUE(program) << program.error().message;
  }
}

INSTANTIATE_TEST_SUITE_P(Devices, GoldenConformance, testing::ValuesIn(targets()),
                         [](const auto& info) { return name_of(info.param); });

}  // namespace
}  // namespace anemone::conformance
