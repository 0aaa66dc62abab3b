#include "mil/rewrite.h"

#include <algorithm>

namespace anemone::mil {

Builder::Arguments OpUse::arguments_without(std::initializer_list<std::string_view> names) const {
  Builder::Arguments arguments;
  for (const auto& [name, values] : operands_) {
    if (std::ranges::count(names, name) == 0) arguments.emplace_back(name, values);
  }
  return arguments;
}

Replay::Replay(const Function& function, Builder& builder, const Weights* weights)
    : function_(function), builder_(builder), inference_(weights), values_(function.values.size()) {}

Value Replay::operator[](ValueId id) {
  Value& value = values_[size_t(id)];
  const ValueInfo& info = function_.value(id);
  if (value.id() < 0 && info.constant) value = builder_.constant(*info.constant, info.name);
  if (value.id() < 0 && info.blob) value = builder_.weight(info.name, info.type, *info.blob);
  return value;
}

void Replay::copy_inputs() {
  for (ValueId id : function_.inputs) set(id, builder_.input(function_.value(id).name, function_.value(id).type));
}

void Replay::copy(const Operation& operation) {
  inference_.learn(function_, operation);
  if (operation.op->name == "const") return;  // written where it is used
  Builder::Arguments arguments;
  for (const Argument& argument : operation.arguments) {
    std::vector<Value> values;
    for (ValueId id : argument.values) values.push_back((*this)[id]);
    arguments.emplace_back(argument.name, std::move(values));
  }
  const std::vector<Value> results = builder_.apply_all(operation.op->name, arguments);
  for (size_t i = 0; i < results.size(); ++i) set(operation.results[i], results[i]);
}

OpUse Replay::use(const Operation& operation) {
  inference_.learn(function_, operation);
  OpUse::Operands operands;
  for (const Argument& argument : operation.arguments) {
    for (ValueId id : argument.values) operands[argument.name].push_back((*this)[id]);
  }
  return {builder_, OpCall(inference_.arguments(function_, operation)), std::move(operands)};
}

void Replay::copy_outputs() {
  for (ValueId id : function_.outputs) builder_.output(function_.value(id).name, (*this)[id]);
}

namespace {

// The operands in fp32 where they are narrower floats.
OpUse widened(const OpUse& use) {
  OpUse::Operands operands = use.operands();
  for (auto& [name, values] : operands) {
    for (Value& value : values) {
      if (value.dtype() == DType::fp16) value = cast(value, DType::fp32);
    }
  }
  return {use.b, use.call, std::move(operands)};
}

Result<> write_out(const Function& function, const Operation& operation, Arithmetic arithmetic, Replay& replay) {
  const OpUse use = replay.use(operation);
  OpUse inner = arithmetic == Arithmetic::fp32 ? widened(use) : use;
  const std::vector<Value> results = operation.op->compose(inner);
  for (size_t i = 0; use.b.ok() && i < operation.results.size(); ++i) {
    const TensorType& type = function.value(operation.results[i]).type;
    const Value value = cast(results.at(i), type.dtype);
    if (use.b.ok() && value.shape() != type.shape) {
      return fail("{}: its composition gives {}, not {}", operation.op->name, to_string(value.type()), to_string(type));
    }
    replay.set(operation.results[i], value);
  }
  return {};
}

// The values of a builder up to `last` come from what stands at `location`, but for those of earlier origins.
struct Origin {
  ValueId last;
  Location location;
};

void set_locations(const std::vector<Origin>& origins, Function& function) {
  auto origin = origins.begin();
  for (Operation& operation : function.operations) {
    if (operation.results.empty()) continue;
    while (origin != origins.end() && origin->last < operation.results[0]) ++origin;
    if (origin != origins.end()) operation.location = origin->location;
  }
}

}  // namespace

Result<Function> expand(const Function& function, const std::function<bool(const OpDef&)>& replace,
                        Arithmetic arithmetic, const Weights* weights) {
  const auto replaced = [&](const Operation& operation) {
    return operation.op->compose != nullptr && replace(*operation.op);
  };
  Function current = function;
  while (std::ranges::any_of(current.operations, replaced)) {
    Builder b(current.name, current.opset);
    Replay replay(current, b, weights);
    replay.copy_inputs();
    std::vector<Origin> origins;
    for (const Operation& operation : current.operations) {
      if (replaced(operation)) {
        TRY(write_out(current, operation, arithmetic, replay));
      } else {
        replay.copy(operation);
      }
      const bool computes = operation.op->name != "const" && !operation.results.empty();
      if (computes && b.ok()) origins.push_back({replay[operation.results.back()].id(), operation.location});
    }
    replay.copy_outputs();
    Function next = TRY(b.finish());
    set_locations(origins, next);
    current = std::move(next);
  }
  return current;
}

Function without_dead_code(Function function) {
  std::vector<bool> needed(function.values.size(), false);
  for (ValueId id : function.outputs) needed[size_t(id)] = true;
  std::vector<Operation> kept;
  for (auto operation = function.operations.rbegin(); operation != function.operations.rend(); ++operation) {
    const bool writes = operation->results.empty();
    if (!writes && std::ranges::none_of(operation->results, [&](ValueId id) { return needed[size_t(id)]; })) continue;
    for (const Argument& argument : operation->arguments) {
      for (ValueId id : argument.values) needed[size_t(id)] = true;
    }
    kept.push_back(std::move(*operation));
  }
  std::ranges::reverse(kept);
  function.operations = std::move(kept);
  return function;
}

}  // namespace anemone::mil
