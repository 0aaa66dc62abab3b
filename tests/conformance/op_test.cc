// Small programs on every device, against ref.
#include "compare.h"
#include "op_cases.h"

namespace anemone::conformance {
namespace {

using testing::Combine;
using testing::ValuesIn;

class OpConformance : public testing::TestWithParam<std::tuple<Target, OpCase>> {};

TEST_P(OpConformance, AgreesWithRef) {
  const auto& [target, op_case] = GetParam();
  Draft draft(element_type(target.precision), 7);
  op_case.write(draft);
  const auto function = draft.builder.finish();
  ASSERT_TRUE(function) << function.error().message;
  expect_as_ref(target, *function, draft.weights, {.seed = 3, .positive = op_case.positive}, op_case.epsilons);
}

std::string case_name(const testing::TestParamInfo<std::tuple<Target, OpCase>>& info) {
  const auto& [target, op_case] = info.param;
  return name_of(target) + "_" + op_case.name;
}

INSTANTIATE_TEST_SUITE_P(Ops, OpConformance, Combine(ValuesIn(targets()), ValuesIn(op_cases())), case_name);

TEST(OpConformance, AnInputMayBeAnOutput) {
  for (const Target& target : targets()) {
    Draft draft(element_type(target.precision), 7);
    draft.output("y", draft.input("x", {3, 5}) * 2.0);
    mil::Function function = *draft.builder.finish();
    function.outputs.push_back(function.inputs[0]);
    function.outputs.push_back(function.outputs[0]);
    expect_as_ref(target, function, draft.weights, {}, 1);
  }
}

}  // namespace
}  // namespace anemone::conformance
