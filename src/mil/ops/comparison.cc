// Comparisons, logic and the choice by a condition. None but the choice has a gradient.
#include <algorithm>

#include "mil/gradient.h"
#include "mil/ops/elementwise.h"
#include "mil/ops/families.h"

namespace anemone::mil {
namespace {

// From two operands of one type to bool.
OpDef predicate(std::string_view name, std::string_view formula, DTypes accepts, bool (*f)(double, double)) {
  return {.name = name,
          .params = {Param::operand("x", accepts, 'T'), Param::operand("y", accepts, 'T')},
          .infer = [name](const OpCall& c) -> Result<std::vector<TensorType>> {
            return {{{DType::boolean, TRY(broadcast(name, c.shape("x"), c.shape("y")))}}};
          },
          .evaluate = [f](const OpCall& c,
                          std::span<Array> results) { map_pairs(c.array("x"), c.array("y"), results[0], f); },
          .formula = formula};
}

OpDef logical_not_op() {
  return {.name = "logical_not",
          .params = {Param::operand("x", kBool)},
          .infer = same_as_x,
          .evaluate =
              [](const OpCall& c, std::span<Array> results) {
                std::ranges::transform(c.array("x").data, results[0].data.begin(), [](double x) { return x == 0; });
              },
          .formula = "not x"};
}

OpDef select_op() {
  return {.name = "select",
          .params = {Param::operand("cond", kBool), Param::operand("a", kAny, 'T'), Param::operand("b", kAny, 'T')},
          .infer = [](const OpCall& c) -> Result<std::vector<TensorType>> {
            const Shape both = TRY(broadcast("select", c.shape("a"), c.shape("b")));
            return {{{c.type("a").dtype, TRY(broadcast("select", c.shape("cond"), both))}}};
          },
          .evaluate =
              [](const OpCall& c, std::span<Array> results) {
                Array a = results[0], b = results[0];
                spread(c.array("a"), a);
                spread(c.array("b"), b);
                const Array& cond = c.array("cond");
                for_each_broadcast(a.type.shape, cond.type.shape, [&](int64_t i, int64_t at) {
                  results[0].data[size_t(i)] = (cond.data[size_t(at)] != 0 ? a : b).data[size_t(i)];
                });
              },
          .gradient =
              [](GradientUse& use) {
                use.add("a", select(use["cond"], use.d(), 0.0));
                use.add("b", select(use["cond"], 0.0, use.d()));
              },
          .formula = "cond ? a : b"};
}

}  // namespace

std::vector<OpDef> comparison_ops() {
  return {
      predicate("equal", "x = y", kNumbers, [](double x, double y) { return x == y; }),
      predicate("not_equal", "x ≠ y", kNumbers, [](double x, double y) { return x != y; }),
      predicate("less", "x < y", kNumbers, [](double x, double y) { return x < y; }),
      predicate("less_equal", "x ≤ y", kNumbers, [](double x, double y) { return x <= y; }),
      predicate("greater", "x > y", kNumbers, [](double x, double y) { return x > y; }),
      predicate("greater_equal", "x ≥ y", kNumbers, [](double x, double y) { return x >= y; }),
      predicate("logical_and", "x and y", kBool, [](double x, double y) { return x != 0 && y != 0; }),
      predicate("logical_or", "x or y", kBool, [](double x, double y) { return x != 0 || y != 0; }),
      predicate("logical_xor", "either x or y", kBool, [](double x, double y) { return (x != 0) != (y != 0); }),
      logical_not_op(),
      select_op(),
  };
}

}  // namespace anemone::mil
