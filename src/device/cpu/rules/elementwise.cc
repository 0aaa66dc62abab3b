// Elementwise ops and casts: each becomes an instruction of the chain being gathered.
#include <algorithm>

#include "device/cpu/lowering.h"

namespace anemone::cpu {
namespace {

Rule unary(std::string_view name, ElementOp op) {
  return {name, [op](Lowering& l, const Node& node) -> Result<> {
            l.fuse(node.result(), {.op = op}, {node.operand("x")});
            return {};
          }};
}

Rule unary_epsilon(std::string_view name, ElementOp op) {
  return {name, [op](Lowering& l, const Node& node) -> Result<> {
            const auto epsilon = static_cast<float>(node.call.number("epsilon"));
            l.fuse(node.result(), {.op = op, .immediate = epsilon}, {node.operand("x")});
            return {};
          }};
}

Rule binary(std::string_view name, ElementOp op) {
  return {name, [op](Lowering& l, const Node& node) -> Result<> {
            l.fuse(node.result(), {.op = op}, {node.operand("x"), node.operand("y")});
            return {};
          }};
}

// The op that raises to a constant exponent without pow.
std::optional<ElementOp> power_of(double exponent) {
  if (exponent == 1) return ElementOp::copy;
  if (exponent == 2) return ElementOp::square;
  if (exponent == 0.5) return ElementOp::sqrt;
  if (exponent == -0.5) return ElementOp::rsqrt;
  if (exponent == -1) return ElementOp::inverse;
  return std::nullopt;
}

Result<> lower_pow(Lowering& l, const Node& node) {
  const mil::Tensor* y = l.constant(node.operand("y"));
  const bool one_exponent = y != nullptr && y->type().count() == 1;
  if (const auto op = one_exponent ? power_of(y->number(0)) : std::nullopt) {
    l.fuse(node.result(), {.op = *op}, {node.operand("x")});
  } else {
    l.fuse(node.result(), {.op = ElementOp::pow}, {node.operand("x"), node.operand("y")});
  }
  return {};
}

Result<> lower_cast(Lowering& l, const Node& node) {
  if (l.rounding(node.result()) == Rounding::none) {
    l.define(node.result(), l.read(node.operand("x")));
  } else {
    l.fuse(node.result(), {.op = ElementOp::copy}, {node.operand("x")});
  }
  return {};
}

}  // namespace

std::vector<Rule> elementwise_rules() {
  return {
      unary("abs", ElementOp::abs),
      unary("square", ElementOp::square),
      unary("exp", ElementOp::exp),
      unary("sqrt", ElementOp::sqrt),
      unary("tanh", ElementOp::tanh),
      unary("relu", ElementOp::relu),
      unary("sigmoid", ElementOp::sigmoid),
      unary("silu", ElementOp::silu),
      unary_epsilon("log", ElementOp::log),
      unary_epsilon("rsqrt", ElementOp::rsqrt),
      unary_epsilon("inverse", ElementOp::inverse),
      binary("add", ElementOp::add),
      binary("sub", ElementOp::sub),
      binary("mul", ElementOp::mul),
      binary("real_div", ElementOp::div),
      binary("maximum", ElementOp::maximum),
      binary("minimum", ElementOp::minimum),
      {"pow", lower_pow},
      {"cast", lower_cast},
  };
}

}  // namespace anemone::cpu
