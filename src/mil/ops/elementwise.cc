// The elementwise family, and of it the arithmetic of two operands, which are broadcast.
//
// Integers: the interpreter truncates toward zero and wraps what does not fit. A division by zero gives what a cast of
// its quotient would, ±∞ the largest and the smallest number and 0/0 zero; a remainder by zero is zero.
#include "mil/ops/elementwise.h"

#include <algorithm>
#include <cmath>

#include "mil/gradient.h"
#include "mil/ops/families.h"

namespace anemone::mil {
namespace {

struct Binary {
  std::string_view name, formula;
  double (*f)(double, double);
  OpDef::Gradient gradient = nullptr;
  double (*of_integers)(double, double) = nullptr;  // where a double does not hold what int32 arithmetic gives
};

OpDef binary(const Binary& op) {
  return {.name = op.name,
          .params = {Param::operand("x", kNumbers, 'T'), Param::operand("y", kNumbers, 'T')},
          .infer = [name = op.name](const OpCall& c) -> Result<std::vector<TensorType>> {
            return {{{c.type("x").dtype, TRY(broadcast(name, c.shape("x"), c.shape("y")))}}};
          },
          .evaluate =
              [op](const OpCall& c, std::span<Array> results) {
                const bool exact = op.of_integers != nullptr && !is_float(c.type("x").dtype);
                map_pairs(c.array("x"), c.array("y"), results[0], exact ? op.of_integers : op.f);
              },
          .gradient = op.gradient,
          .formula = op.formula};
}

void add_backward(GradientUse& use) {
  use.add("x", use.d());
  use.add("y", use.d());
}

void sub_backward(GradientUse& use) {
  use.add("x", use.d());
  use.add("y", -use.d());
}

void mul_backward(GradientUse& use) {
  use.add("x", use.d() * use["y"]);
  use.add("y", use.d() * use["x"]);
}

void div_backward(GradientUse& use) {  // z = x/y
  const Value dx = use.d() / use["y"];
  use.add("x", dx);
  use.add("y", -dx * use.result());
}

void mod_backward(GradientUse& use) {  // z = x − y·⌊x/y⌋
  use.add("x", use.d());
  use.add("y", -use.d() * floor_div(use["x"], use["y"]));
}

// z = x^y. As in PyTorch: by x zero where y is, by y zero at x = 0 unless y is negative.
void pow_backward(GradientUse& use) {
  const Value x = use["x"], y = use["y"], d = use.d();
  use.add("x", select(equal(y, 0.0), 0.0, d * y * pow(x, y - 1.0)));
  if (!use.wants("y")) return;
  const Value flat = logical_and(equal(x, 0.0), greater_equal(y, 0.0));
  use.add("y", select(flat, 0.0, d * use.result() * log(x)));
}

// d to the operand that was chosen; half of it to each where they are equal, as in PyTorch.
void choice_backward(GradientUse& use, Value x_lost, Value y_lost) {
  const Value share = select(equal(use["x"], use["y"]), use.d() * 0.5, use.d());
  use.add("x", select(x_lost, 0.0, share));
  use.add("y", select(y_lost, 0.0, share));
}

void maximum_backward(GradientUse& use) { choice_backward(use, less(use["x"], use["y"]), less(use["y"], use["x"])); }

void minimum_backward(GradientUse& use) { choice_backward(use, less(use["y"], use["x"]), less(use["x"], use["y"])); }

std::vector<OpDef> arithmetic_ops() {
  return {
      binary({"add", "x + y", [](double x, double y) { return x + y; }, add_backward}),
      binary({"sub", "x − y", [](double x, double y) { return x - y; }, sub_backward}),
      binary({"mul", "x · y", [](double x, double y) { return x * y; }, mul_backward, int32_product}),
      binary({"real_div", "x / y; integers toward zero", [](double x, double y) { return x / y; }, div_backward}),
      binary({"floor_div", "⌊x / y⌋", [](double x, double y) { return std::floor(x / y); }}),
      binary({"mod", "x − y·⌊x / y⌋", modulo, mod_backward}),
      binary({"pow", "x^y", [](double x, double y) { return std::pow(x, y); }, pow_backward, int32_power}),
      binary({"maximum", "max(x, y)", larger, maximum_backward}),
      binary({"minimum", "min(x, y)", smaller, minimum_backward}),
  };
}

}  // namespace

std::vector<OpDef> elementwise_ops() {
  std::vector<OpDef> ops = arithmetic_ops();
  std::ranges::move(comparison_ops(), std::back_inserter(ops));
  std::ranges::move(unary_ops(), std::back_inserter(ops));
  return ops;
}

}  // namespace anemone::mil
