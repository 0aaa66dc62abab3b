// Elementwise ops and casts: each becomes an instruction of the chain being gathered.
#include <cmath>

#include "device/cpu/kernels/words.h"
#include "device/cpu/lowering.h"

namespace anemone::cpu {
namespace {

constexpr mil::DTypes kNumbers = kFloatWords | mil::kInt32;

Rule unary(std::string_view name, ElementOp op, mil::DTypes takes = kFloatWords) {
  return {name,
          [op](Lowering& l, const Node& node) -> Result<> {
            const mil::ValueId x = node.operand("x");
            l.fuse(node.result(), {.op = op, .integers = is_integer(l.dtype(x))}, {x});
            return {};
          },
          takes};
}

// In x's type: below fp16's range an epsilon is 0.
Rule unary_epsilon(std::string_view name, ElementOp op) {
  return {name, [op](Lowering& l, const Node& node) -> Result<> {
            const mil::ValueId x = node.operand("x");
            const double epsilon = mil::Tensor::scalar(l.dtype(x), node.call.number("epsilon")).number(0);
            l.fuse(node.result(), {.op = op, .immediate = static_cast<float>(epsilon)}, {x});
            return {};
          }};
}

Rule binary(std::string_view name, ElementOp op, mil::DTypes takes = kFloatWords) {
  return {name,
          [op](Lowering& l, const Node& node) -> Result<> {
            const mil::ValueId x = node.operand("x"), y = node.operand("y");
            l.fuse(node.result(), {.op = op, .integers = is_integer(l.dtype(x))}, {x, y});
            return {};
          },
          takes};
}

// x > y as y < x.
Rule mirrored(std::string_view name, ElementOp op) {
  return {name,
          [op](Lowering& l, const Node& node) -> Result<> {
            const mil::ValueId x = node.operand("x"), y = node.operand("y");
            l.fuse(node.result(), {.op = op, .integers = is_integer(l.dtype(x))}, {y, x});
            return {};
          },
          kNumbers};
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

Result<> lower_select(Lowering& l, const Node& node) {
  l.fuse(node.result(), {.op = ElementOp::select}, {node.operand("cond"), node.operand("a"), node.operand("b")});
  return {};
}

// max(x, α); α is of x's type.
Result<> lower_threshold(Lowering& l, const Node& node) {
  const mil::ValueId x = node.operand("x");
  l.fuse(node.result(), {.op = ElementOp::maximum, .integers = is_integer(l.dtype(x))}, {x, node.operand("alpha")});
  return {};
}

TileInstruction bounded(ElementOp op, double immediate, bool integers = false) {
  return {.op = op, .immediate = static_cast<float>(immediate), .integers = integers};
}

// min(max(x, α), β)
Result<> lower_clip(Lowering& l, const Node& node) {
  l.fuse(node.result(), bounded(ElementOp::at_least, node.call.number("alpha")), {node.operand("x")},
         {bounded(ElementOp::at_most, node.call.number("beta"))});
  return {};
}

Result<> lower_gelu(Lowering& l, const Node& node) {
  const std::string_view mode = node.call.text("mode");
  const ElementOp op = mode == "EXACT"                ? ElementOp::gelu
                       : mode == "TANH_APPROXIMATION" ? ElementOp::gelu_tanh
                                                      : ElementOp::gelu_sigmoid;
  l.fuse(node.result(), {.op = op}, {node.operand("x")});
  return {};
}

// ---- Casts

struct Range {
  double low, high;
  bool within(const Range& other) const { return low >= other.low && high <= other.high; }
};

Range range_of(mil::DType integer) {
  const double span = std::exp2(static_cast<double>(mil::bits(integer)));
  return mil::is_signed_integer(integer) ? Range{-span / 2, span / 2 - 1} : Range{0, span - 1};
}

// Toward zero, saturating.
void cast_to_integer(Lowering& l, const Node& node, mil::DType from, mil::DType to) {
  const mil::ValueId x = node.operand("x");
  const Range bounds = range_of(to);
  const TileInstruction low = bounded(ElementOp::at_least, bounds.low, true);
  const TileInstruction high = bounded(ElementOp::at_most, bounds.high, true);
  if (is_integer(from)) {
    if (range_of(from).within(bounds)) return l.define(node.result(), l.read(x));
    l.fuse(node.result(), low, {x}, {high});
  } else if (to == mil::DType::int32) {
    l.fuse(node.result(), {.op = ElementOp::to_integer}, {x});
  } else {
    l.fuse(node.result(), {.op = ElementOp::to_integer}, {x}, {low, high});
  }
}

Result<> lower_cast(Lowering& l, const Node& node) {
  const mil::ValueId x = node.operand("x"), result = node.result();
  const mil::DType from = l.dtype(x), to = l.dtype(result);
  if (is_integer(to)) {
    cast_to_integer(l, node, from, to);
  } else if (to == mil::DType::boolean && from != to) {
    l.fuse(result, {.op = ElementOp::truth, .integers = is_integer(from)}, {x});
  } else if (is_integer(from)) {
    l.fuse(result, {.op = ElementOp::to_float, .integers = true}, {x});
  } else if (l.rounding(result) == Rounding::none) {
    l.define(result, l.read(x));
  } else {
    l.fuse(result, {.op = ElementOp::copy}, {x});
  }
  return {};
}

}  // namespace

std::vector<Rule> elementwise_rules() {
  return {
      unary("abs", ElementOp::abs, kNumbers),
      unary("sign", ElementOp::sign, kNumbers),
      unary("square", ElementOp::square, kNumbers),
      unary("exp", ElementOp::exp),
      unary("exp2", ElementOp::exp2),
      unary("sqrt", ElementOp::sqrt),
      unary("sin", ElementOp::sin),
      unary("cos", ElementOp::cos),
      unary("tan", ElementOp::tan),
      unary("asin", ElementOp::asin),
      unary("acos", ElementOp::acos),
      unary("atan", ElementOp::atan),
      unary("sinh", ElementOp::sinh),
      unary("cosh", ElementOp::cosh),
      unary("tanh", ElementOp::tanh),
      unary("atanh", ElementOp::atanh),
      unary("erf", ElementOp::erf),
      unary("floor", ElementOp::floor),
      unary("ceil", ElementOp::ceil),
      unary("round", ElementOp::round),
      unary("relu", ElementOp::relu),
      unary("sigmoid", ElementOp::sigmoid),
      unary("silu", ElementOp::silu),
      unary("logical_not", ElementOp::is_zero),
      unary_epsilon("log", ElementOp::log),
      unary_epsilon("rsqrt", ElementOp::rsqrt),
      unary_epsilon("inverse", ElementOp::inverse),
      binary("add", ElementOp::add, kNumbers),
      binary("sub", ElementOp::sub, kNumbers),
      binary("mul", ElementOp::mul, kNumbers),
      binary("real_div", ElementOp::div),
      binary("floor_div", ElementOp::floor_div),
      binary("mod", ElementOp::mod),
      binary("maximum", ElementOp::maximum, kNumbers),
      binary("minimum", ElementOp::minimum, kNumbers),
      binary("equal", ElementOp::equal, kNumbers),
      binary("not_equal", ElementOp::not_equal, kNumbers),
      binary("less", ElementOp::less, kNumbers),
      binary("less_equal", ElementOp::less_equal, kNumbers),
      mirrored("greater", ElementOp::less),
      mirrored("greater_equal", ElementOp::less_equal),
      binary("logical_and", ElementOp::minimum),
      binary("logical_or", ElementOp::maximum),
      binary("logical_xor", ElementOp::not_equal),
      {"select", lower_select, kWords},
      {"threshold", lower_threshold, kNumbers},
      {"clip", lower_clip},
      {"gelu", lower_gelu},
      {"pow", lower_pow},
      {.op = "cast", .lower = lower_cast, .takes = kFloatWords | mil::kIndices, .renames = true},
  };
}

}  // namespace anemone::cpu
