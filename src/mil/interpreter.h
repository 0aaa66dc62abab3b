// The readable interpreter: evaluates a function op by op, in double precision.
//
//   Interpreter interpreter = TRY(Interpreter::create(function, weights, Rounding::declared));
//   std::vector<Array> outputs = interpreter.run({x});
//
// It is the oracle of every test: nothing is reordered, fused or approximated.
#pragma once

#include <functional>

#include "mil/function.h"

namespace anemone::mil {

enum class Rounding {
  declared,  // each op's result is computed exactly, then rounded to its declared type
  none,      // floats stay in double: for finite differences
};

class Interpreter {
 public:
  // Fails where a weight is missing or of another type than declared. Keeps the function and its constants.
  static Result<Interpreter> create(const Function& function, const Weights& weights, Rounding rounding);

  // The outputs for `inputs`, given in the order and with the types of the function's inputs. A state is an input that
  // write_state changes, for the caller to see where it is not copied.
  std::vector<Array> run_updating(std::span<Array> inputs) const;
  std::vector<Array> run(std::vector<Array> inputs) const { return run_updating(inputs); }

 private:
  Interpreter(Function function, Rounding rounding) : function_(std::move(function)), rounding_(rounding) {}

  Function function_;
  Rounding rounding_;
  std::vector<std::optional<Tensor>> constants_;  // by value id
  std::vector<std::optional<Array>> arrays_;      // the same, as operands of the evaluation
};

// The results of an operation whose operands `constant(id)` knows as tensors, rounded to their declared types; floats
// are kept as fp32 where `keep_floats`.
std::vector<Tensor> evaluate_constants(const Function& function, const Operation& operation,
                                       const std::function<const Tensor*(ValueId)>& constant, bool keep_floats = false);

// Makes an op's exact result what its declared type holds. Integers are integers whatever the rounding of floats.
void settle(Array& result, Rounding rounding);

Array to_array(const Tensor& tensor);
Tensor to_tensor(const Array& array);

}  // namespace anemone::mil
