// What is known of a function's values while it is checked or written: their types, which are constant, and the values
// of small constant expressions (shape → gather → concat → reshape), which rules of later ops may read.
//
//   Inference inference;
//   std::vector<TensorType> types = TRY(inference.infer(function, operation));   // before it has results
//   ... the results are added to the function ...
//   inference.learn(function, operation);
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "mil/function.h"

namespace anemone::mil {

class Inference {
 public:
  // Constants in weight files are known where `weights` has them; it must outlive this.
  explicit Inference(const Weights* weights = nullptr) : weights_(weights) {}

  // Checks a use of an op and infers the types of its results.
  Result<std::vector<TensorType>> infer(const Function& function, const Operation& operation);
  // The same, but where an operand has unknown dimensions only its arguments are checked: no types then.
  Result<std::optional<std::vector<TensorType>>> infer_flexible(const Function& function, const Operation& operation);
  // Notes whether the results are constant, and their values where these are few numbers.
  void learn(const Function& function, const Operation& operation);

  // The arguments of an operation as its rules see them now, with the fallbacks of those left out.
  std::vector<OpCall::Argument> arguments(const Function& function, const Operation& operation);
  bool is_constant(const Function& function, ValueId id) const;
  // An operand has unknown dimensions, or is computed from a value that has: the op's rule was not asked.
  bool is_open(const Function& function, const Operation& operation) const;
  const Tensor* value(const Function& function, ValueId id);  // where it is known, else null

 private:
  struct Known {
    bool constant = false;
    bool open = false;  // computed from something with unknown dimensions
    std::optional<Tensor> value;
  };
  bool results_are_constant(const Function& function, const Operation& operation) const;

  const Weights* weights_;
  std::vector<Known> known_;  // by value id
};

// Infers the types of a whole function anew, from those of its inputs, and stores them. A type declared before must
// agree, but for dimensions that it leaves open. Messages begin with `where` and the line and column of the operation.
// Where inputs have unknown dimensions, what depends on them keeps the type that it declares.
Result<> check(Function& function, const Weights* weights = nullptr, std::string_view where = {});

// The function for inputs of these shapes, by name; the other inputs keep theirs. A dimension that an input declares
// must be met.
Result<Function> with_input_shapes(Function function, const std::map<std::string, Shape>& shapes,
                                   const Weights* weights = nullptr);

// The value of each constant: those written as constants, and all that is computed from them. Others are empty.
// Folded floats are rounded to their declared type, or kept as fp32 where `keep_floats`.
Result<std::vector<std::optional<Tensor>>> fold_constants(const Function& function, const Weights& weights,
                                                          bool keep_floats = false);

// Adds the fallbacks of parameters that an operation leaves out.
void add_fallbacks(const OpDef& op, std::vector<OpCall::Argument>& arguments);

// The arguments of an operation as its rules read them, fallbacks included. `constant(id)` is a value's tensor or null.
template <class Constant>
std::vector<OpCall::Argument> call_arguments(const Function& function, const Operation& operation,
                                             const Constant& constant) {
  std::vector<OpCall::Argument> arguments;
  arguments.reserve(operation.op->params.size());
  for (const Argument& argument : operation.arguments) {
    OpCall::Argument& call = arguments.emplace_back(OpCall::Argument{argument.name, {}});
    for (ValueId id : argument.values) {
      const Tensor* known = constant(id);
      call.operands.push_back({.type = function.value(id).type, .constant = known, .fixed = known != nullptr});
    }
  }
  add_fallbacks(*operation.op, arguments);
  return arguments;
}

}  // namespace anemone::mil
