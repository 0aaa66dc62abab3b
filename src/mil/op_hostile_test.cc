// Arguments as a hostile file may hold them. Whatever a rule lets through, its evaluation must stay within its
// operands, which the sanitizers watch, and its composition must be a program of the same type.
#include <gmock/gmock.h>

#include <algorithm>
#include <array>
#include <climits>
#include <cmath>
#include <map>

#include "mil/op_testing.h"
#include "mil/rewrite.h"

namespace anemone::mil {
namespace {

constexpr int64_t kMostElements = 1 << 12;  // of the results that are worked out
constexpr int kMostCases = 6;               // of each op
constexpr size_t kMostOperations = 1 << 8;

// The tensor with other numbers, and with other shapes.
std::vector<Tensor> variants(const Tensor& tensor) {
  const TensorType& type = tensor.type();
  if (type.dtype == DType::string || type.state || type.buffer) return {};
  std::vector<Tensor> all;
  for (const Shape& shape : {Shape{}, Shape{0}, Shape{1}, Shape{2, 3}, Shape{1, 1, 1, 1, 1}, Shape{3, 0, 2}}) {
    all.push_back(zeros(type.dtype, shape));
  }
  for (const double number : std::array<double, 8>{-1, 0, 1, 3, INT_MAX, INT_MIN, INFINITY, NAN}) {
    std::vector<double> numbers = tensor.numbers();
    if (numbers.empty()) continue;
    all.push_back(Tensor::from_numbers(type, std::vector<double>(numbers.size(), number)));
    numbers.back() = number;
    all.push_back(Tensor::from_numbers(type, numbers));
  }
  return all;
}

std::vector<Given> variants(const Given& given) {
  std::vector<Given> all;
  if (const auto* tensor = std::get_if<Tensor>(&given)) {
    for (Tensor& variant : variants(*tensor)) all.emplace_back(std::move(variant));
  } else if (const auto* fixed = std::get_if<Fixed>(&given)) {
    for (Tensor& variant : variants(fixed->tensor)) all.emplace_back(Fixed{std::move(variant)});
  } else {
    const auto& tuple = std::get<std::vector<Tensor>>(given);
    for (size_t i = 0; i < tuple.size(); ++i) {
      for (Tensor& variant : variants(tuple[i])) {
        std::vector<Tensor> changed = tuple;
        changed[i] = std::move(variant);
        all.emplace_back(std::move(changed));
      }
    }
    all.emplace_back(std::vector<Tensor>{tuple.begin(), tuple.end() - 1});
  }
  return all;
}

bool is_small(const Function& function) {
  return std::ranges::all_of(function.values, [](const ValueInfo& v) { return v.type.count() <= kMostElements; });
}

void expect_safe(const Function& function, const std::vector<Array>& inputs, const std::string& what) {
  if (!is_small(function)) return;
  const std::vector<Array> results = (*Interpreter::create(function, {}, Rounding::none)).run(inputs);
  for (size_t i = 0; i < results.size(); ++i) {
    EXPECT_EQ(results[i].type, function.value(function.outputs[i]).type) << what;
    EXPECT_EQ(int64_t(results[i].data.size()), results[i].type.count()) << what;
  }
  const auto composed = expand(
      function, [](const OpDef&) { return true; }, Arithmetic::fp32);
  if (!composed || composed->operations.size() > kMostOperations || !is_small(*composed)) return;
  EXPECT_EQ((*Interpreter::create(*composed, {}, Rounding::none)).run(inputs).size(), results.size()) << what;
}

TEST(OpHostile, NoArgumentsReachBeyondTheirOperands) {
  int accepted = 0;
  std::map<const OpDef*, int> cases;
  for (const GoldenCase& golden : golden_cases()) {
    if (++cases[find_op(golden.op, *parse_opset(golden.opset))] > kMostCases) continue;
    for (size_t a = 0; a < golden.arguments.size(); ++a) {
      for (Given& variant : variants(golden.arguments[a].second)) {
        GivenArguments arguments = golden.arguments;
        arguments[a].second = std::move(variant);
        const Call call(golden.op, arguments, golden.opset);
        if (!call.function()) continue;
        ++accepted;
        expect_safe(*call.function(), call.inputs(), arguments[a].first + " of " + golden.text.substr(0, 300));
      }
    }
  }
  EXPECT_GT(accepted, 1000);
}

}  // namespace
}  // namespace anemone::mil
