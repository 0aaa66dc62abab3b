// Reverse-mode differentiation: the backward program of a function, as MIL.
//
//   Function backward = TRY(gradient(forward));     // inputs x…, dy…; outputs dx…
//
// An op's gradient stands in its entry of the table, beside its definition; here is what those entries work with.
#pragma once

#include <string>
#include <vector>

#include "mil/rewrite.h"

namespace anemone::mil {

// A use of an op in the backward program: besides its operands, its results, their gradients, and where those of the
// operands go.
//
//   void multiply_backward(GradientUse& use) {       // z = x · y
//     use.add("x", use.d() * use["y"]);
//     use.add("y", use.d() * use["x"]);
//   }
class GradientUse : public OpUse {
 public:
  using Wanted = std::map<std::string, std::vector<bool>, std::less<>>;
  GradientUse(OpUse use, std::vector<Value> results, std::vector<Value> gradients, Wanted wanted);

  Value result(size_t i = 0) const { return results_.at(i); }
  // The gradient of a result; a constant zero of its type where none flows back.
  Value d(size_t i = 0);
  // Whether the gradient of an operand is asked for. add() ignores those that are not.
  bool wants(std::string_view name, size_t i = 0) const;
  // Adds to the gradient of an operand. Dimensions along which the operand was broadcast are summed away; an invalid
  // `gradient` fails the program.
  void add(std::string_view name, Value gradient, size_t i = 0);

 private:
  friend class Backward;
  std::vector<Value> results_, gradients_;
  Operands sums_;  // by parameter: invalid where none has been added
  Wanted wanted_;
};

struct GradientOptions {
  // The values to differentiate by: inputs or constants of the function. Empty: every floating-point input.
  std::vector<std::string> with_respect_to{};
};

// For outputs y0… of `function`: a function of its inputs and of a gradient `d` + name for each floating-point output,
// whose outputs are `d` + name for each value differentiated by. The forward pass is computed anew inside. An error
// names the first op on the way that has no gradient; a function that writes a state has none. Where nothing flows back
// a gradient is zero.
Result<Function> gradient(const Function& function, const GradientOptions& options = {},
                          const Weights* weights = nullptr);

}  // namespace anemone::mil
