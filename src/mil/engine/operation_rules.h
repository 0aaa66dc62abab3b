// Rules that a single operation may break.
#pragma once

#include <algorithm>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "mil/engine/rule.h"
#include "mil/function.h"

namespace anemone::mil {

using Violation = std::optional<std::string>;  // how the rule is broken

// One use of an op in a function, with the constants that are known.
struct Use {
  const Function& function;
  const Operation& operation;
  OpCall call;
  std::span<const Operation* const> producers;  // by value id; null for inputs

  std::string_view op() const { return operation.op->name; }
  bool is(std::initializer_list<std::string_view> ops) const { return std::ranges::count(ops, op()) > 0; }
  ValueId id(std::string_view name) const { return operation.argument(name)->values[0]; }
  bool given(std::string_view name) const { return operation.argument(name) != nullptr; }
  const Operation* producer(std::string_view name) const { return producers[size_t(id(name))]; }
  bool at_run_time(std::string_view name) const { return given(name) && !call.operands(name)[0].fixed; }
  const TensorType& result() const { return function.value(operation.results[0]).type; }
};

struct OperationRule {
  EngineRule rule;
  Violation (*broken)(const Use& use);
};

const std::vector<OperationRule>& operation_rules();

}  // namespace anemone::mil
