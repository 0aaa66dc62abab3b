// Elementwise ops: sums and products by the engine's arithmetic, functions of one number by table.
#include "device/sim/arithmetic/table_functions.h"
#include "device/sim/lowering.h"

namespace anemone::sim {
namespace {

template <Combination kHow>
Result<> lower_combination(Lowering& l, const Node& node) {
  l.note(Choice::elementwise_everywhere);
  const View x = l.read(node.operand("x")), y = l.read(node.operand("y"));
  l.emit_combine(kHow, x, y, l.result(node.result()));
  return {};
}

// x·(1/y), 1/y by its table.
Result<> lower_division(Lowering& l, const Node& node) {
  l.note(Choice::division);
  const View x = l.read(node.operand("x")), y = l.read_packed(node.operand("y"));
  const View inverse = l.temporary(y.shape);
  l.emit_function("inverse", inverse_of, y, inverse);
  l.emit_combine(Combination::mul, x, inverse, l.result(node.result()));
  return {};
}

struct Power {
  double exponent;
  std::string_view key;
  Half (*function)(Half);
};
constexpr Power kPowers[] = {{-0.5, "rsqrt", rsqrt_of}, {0.5, "sqrt", sqrt_of}, {-1, "inverse", inverse_of}};

// By table where there is one; x·x; else 2^(y·log2 x) in steps of the engine's.
Result<> lower_power(Lowering& l, const Node& node) {
  l.note(Choice::power);
  const View x = l.read_packed(node.operand("x"));
  const mil::Tensor* y = l.constant(node.operand("y"));
  const View result = l.result(node.result());
  const bool uniform = y != nullptr && y->type().count() == 1 && x.shape == result.shape;
  if (uniform && y->number(0) == 2) {
    l.emit_combine(Combination::mul, x, x, result);
    return {};
  }
  for (const Power& power : kPowers) {
    if (!uniform || y->number(0) != power.exponent) continue;
    l.emit_function(std::string(power.key), power.function, x, result);
    return {};
  }
  const View log = l.temporary(x.shape), product = l.temporary(result.shape);
  l.emit_function("log", log_of, x, log);
  l.emit_combine(Combination::mul, log, l.read(node.operand("y")), product);
  l.emit_function("exp", exp_of, product, result);
  return {};
}

// The function and all that it is set to, so that equal uses share a table.
std::string key_of(const Node& node) {
  std::string key(node.operation->op->name);
  for (const mil::Param& param : node.operation->op->params) {
    if (param.name == "x" || !node.call.has(param.name)) continue;
    const mil::Tensor* setting = node.call.operands(param.name)[0].constant;
    if (setting == nullptr) continue;
    if (setting->type().dtype == mil::DType::string) {
      key += fmt::format(" {}={}", param.name, setting->characters());
    } else {
      for (double number : setting->numbers()) key += fmt::format(" {}={:a}", param.name, number);
    }
  }
  return key;
}

Result<> lower_function(Lowering& l, const Node& node) {
  const auto function = function_of(node.operation->op->name, node.call);
  if (!function) {
    l.note(Choice::exact_elsewhere);
    l.emit_reference(*node.operation, Lowering::Meaning::numbers);
    return {};
  }
  for (Choice choice : function->choices) l.note(choice);
  const View x = l.read_packed(node.operand("x"));
  l.emit_function(key_of(node), function->evaluate, x, l.result(node.result()));
  return {};
}

// Between float types nothing happens, since the engine has one.
Result<> lower_cast(Lowering& l, const Node& node) {
  const mil::ValueId x = node.operand("x");
  const auto dtype = [&](mil::ValueId id) { return l.function().value(id).type.dtype; };
  if (mil::is_float(dtype(x)) && mil::is_float(dtype(node.result()))) {
    if (dtype(x) != dtype(node.result())) l.note(Choice::boundary_casts);
    l.define(node.result(), l.read(x));
  } else {
    l.emit_reference(*node.operation, Lowering::Meaning::numbers);
  }
  return {};
}

}  // namespace

std::vector<Rule> elementwise_rules() {
  std::vector<Rule> rules{{"add", lower_combination<Combination::add>},
                          {"sub", lower_combination<Combination::sub>},
                          {"mul", lower_combination<Combination::mul>},
                          {"maximum", lower_combination<Combination::maximum>},
                          {"minimum", lower_combination<Combination::minimum>},
                          {"real_div", lower_division},
                          {"pow", lower_power},
                          {"cast", lower_cast}};
  for (std::string_view op : function_ops()) rules.push_back({op, lower_function});
  return rules;
}

}  // namespace anemone::sim
