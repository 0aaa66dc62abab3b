// What the tests of ops share: one call as a function, and the golden values of tests/golden/ops.
//
//   Call call("softmax", {{"x", row(DType::fp32, {1, 2})}, {"axis", Tensor::integer(0)}});
//   Result<std::vector<Array>> results = call.run(Rounding::declared);
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "mil/builder.h"
#include "mil/interpreter.h"

namespace anemone::mil {

// An operand that the function holds as a constant, though it might be an input.
struct Fixed {
  Tensor tensor;
};

using Given = std::variant<Tensor, std::vector<Tensor>, Fixed>;
using GivenArguments = std::vector<std::pair<std::string, Given>>;

// A function of one operation. What must be constant is a constant, all else an input, in order of the arguments.
class Call {
 public:
  Call(std::string_view op, const GivenArguments& arguments, const std::string& opset = "ios18");

  const Result<Function>& function() const { return function_; }
  const std::vector<Array>& inputs() const { return inputs_; }
  Result<std::vector<Array>> run(Rounding rounding) const;
  const TensorType& type(size_t i = 0) const { return types_.at(i); }
  std::string error() const { return function_ ? "" : function_.error().message; }

 private:
  Value operand(const Param* param, const Tensor& tensor);

  Builder builder_;
  std::vector<Array> inputs_;
  std::vector<TensorType> types_;
  Result<Function> function_;
};

struct GoldenCase {
  std::string text;  // for messages
  std::string op;
  std::string opset;
  GivenArguments arguments;
  std::vector<Tensor> results;  // of fp64 data where they are floats
  std::vector<TensorType> types;
};

// All of them, or those of one family ("elementwise").
std::vector<GoldenCase> golden_cases(std::string_view family = {});

Tensor row(DType dtype, const std::vector<double>& values);
Tensor zeros(DType dtype, const Shape& shape);
// The numbers of the first result, the error, the shape of the first result.
std::vector<double> values(std::string_view op, const GivenArguments& arguments);
std::string error(std::string_view op, const GivenArguments& arguments);
Shape shape(std::string_view op, const GivenArguments& arguments);
// The gradient of the sum of the results by each operand that is not constant, in order; with every rounding.
std::vector<std::vector<double>> gradients(std::string_view op, const GivenArguments& arguments);

}  // namespace anemone::mil
