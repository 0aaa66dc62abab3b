#include "mil/inference.h"

#include <algorithm>
#include <deque>

#include "mil/interpreter.h"

namespace anemone::mil {
namespace {

// Shapes, axes and permutations are at most this long; what is longer is data, not worth working out while checking.
// A file of many operations would cost more than it is worth otherwise: one may take as many steps as the product of
// its operands' and results' elements.
constexpr int64_t kMostFolded = 64;

// "model.mil:12:5: " of an operation; what there is of it.
std::string place(std::string_view where, const Location& location) {
  std::string text(where);
  if (location.line > 0) text += fmt::format("{}{}:{}", text.empty() ? "" : ":", location.line, location.column);
  return text.empty() ? text : text + ": ";
}

bool agrees(const TensorType& declared, const TensorType& inferred) {
  const auto same = [](int64_t d, int64_t i) { return d == i || d == kUnknown; };
  return declared.dtype == inferred.dtype && declared.state == inferred.state && declared.buffer == inferred.buffer &&
         std::ranges::equal(declared.shape, inferred.shape, same);
}

Result<> declare(Function& function, const Operation& operation, const std::vector<TensorType>& types) {
  if (types.size() != operation.results.size()) {
    return fail("{} has {} results, but {} are declared", operation.op->name, types.size(), operation.results.size());
  }
  for (size_t i = 0; i < types.size(); ++i) {
    ValueInfo& value = function.values[size_t(operation.results[i])];
    if (!agrees(value.type, types[i])) {
      return fail("{} is declared {}, but {} gives {}", value.name, to_string(value.type), operation.op->name,
                  to_string(types[i]));
    }
    value.type = types[i];
  }
  return {};
}

// Of values whose types nothing infers: inputs, and what depends on unknown dimensions.
Result<> check_declared(const Function& function, const std::vector<ValueId>& ids) {
  for (ValueId id : ids) {
    const ValueInfo& value = function.value(id);
    if (auto known = check_known_dimensions(value.type); !known)
      return fail("{}: {}", value.name, known.error().message);
  }
  return {};
}

// A dimension of 0 does not make the others small: evaluations run over them too.
bool is_small(const TensorType& type) {
  if (is_flexible(type.shape)) return false;
  int64_t places = 1;
  for (int64_t dimension : type.shape) places *= std::max<int64_t>(dimension, 1);
  return places <= kMostFolded;
}

// The op reads no more of the argument than its type.
bool is_type_only(const Operation& operation, const Argument& argument) {
  const Param* param = operation.op->param(argument.name);
  return param != nullptr && param->need == Need::type;
}

}  // namespace

bool Inference::is_constant(const Function& function, ValueId id) const {
  const ValueInfo& value = function.value(id);
  return value.constant || value.blob || (size_t(id) < known_.size() && known_[size_t(id)].constant);
}

const Tensor* Inference::value(const Function& function, ValueId id) {
  const ValueInfo& info = function.value(id);
  if (info.constant) return &*info.constant;
  if (known_.size() < function.values.size()) known_.resize(function.values.size());
  auto& value = known_[size_t(id)].value;
  if (!value && info.blob && weights_ != nullptr) {
    if (auto found = weights_->find(*info.blob, info.type)) value = *std::move(found);
  }
  return value ? &*value : nullptr;
}

std::vector<OpCall::Argument> Inference::arguments(const Function& function, const Operation& operation) {
  std::vector<OpCall::Argument> arguments;
  arguments.reserve(operation.op->params.size());
  for (const Argument& argument : operation.arguments) {
    OpCall::Argument& call = arguments.emplace_back(OpCall::Argument{argument.name, {}});
    for (ValueId id : argument.values) {
      call.operands.push_back(
          {.type = function.value(id).type, .constant = value(function, id), .fixed = is_constant(function, id)});
    }
  }
  add_fallbacks(*operation.op, arguments);
  return arguments;
}

Result<std::vector<TensorType>> Inference::infer(const Function& function, const Operation& operation) {
  std::vector<OpCall::Argument> call = arguments(function, operation);
  return check_call(*operation.op, call);
}

Result<std::optional<std::vector<TensorType>>> Inference::infer_flexible(const Function& function,
                                                                         const Operation& operation) {
  if (!is_open(function, operation)) return TRY(infer(function, operation));
  std::vector<OpCall::Argument> call = arguments(function, operation);
  TRY(check_arguments(*operation.op, call, /*open=*/true));
  return std::nullopt;
}

bool Inference::is_open(const Function& function, const Operation& operation) const {
  return std::ranges::any_of(operation.arguments, [&](const Argument& argument) {
    return std::ranges::any_of(argument.values, [&](ValueId id) {
      return is_flexible(function.value(id).type.shape) || (size_t(id) < known_.size() && known_[size_t(id)].open);
    });
  });
}

bool Inference::results_are_constant(const Function& function, const Operation& operation) const {
  return std::ranges::all_of(operation.arguments, [&](const Argument& argument) {
    if (is_type_only(operation, argument)) return true;
    return std::ranges::all_of(argument.values, [&](ValueId id) { return is_constant(function, id); });
  });
}

void Inference::learn(const Function& function, const Operation& operation) {
  if (known_.size() < function.values.size()) known_.resize(function.values.size());
  const bool open = is_open(function, operation);
  const bool constant = !open && results_are_constant(function, operation);
  for (ValueId id : operation.results) known_[size_t(id)] = {.constant = constant, .open = open, .value = {}};
  if (!constant || operation.op->name == "const") return;
  const auto is_result_small = [&](ValueId id) { return is_small(function.value(id).type); };
  if (!std::ranges::all_of(operation.results, is_result_small)) return;
  for (const Argument& argument : operation.arguments) {
    if (is_type_only(operation, argument)) continue;
    for (ValueId id : argument.values) {
      if (value(function, id) == nullptr || !is_small(function.value(id).type)) return;
    }
  }
  std::vector<Tensor> results =
      evaluate_constants(function, operation, [&](ValueId id) { return value(function, id); });
  for (size_t i = 0; i < results.size(); ++i) known_[size_t(operation.results[i])].value = std::move(results[i]);
}

void add_fallbacks(const OpDef& op, std::vector<OpCall::Argument>& arguments) {
  for (const Param& param : op.params) {
    if (!param.fallback || std::ranges::count(arguments, param.name, &OpCall::Argument::name) > 0) continue;
    arguments.push_back(
        {std::string(param.name), {{.type = param.fallback->type(), .constant = &*param.fallback, .fixed = true}}});
  }
}

Result<> check(Function& function, const Weights* weights, std::string_view where) {
  Inference inference(weights);
  if (auto checked = check_declared(function, function.inputs); !checked) {
    return fail("{}{}", place(where, {}), checked.error().message);
  }
  for (const Operation& operation : function.operations) {
    if (operation.op->name != "const") {
      auto types = inference.infer_flexible(function, operation);
      Result<> declared;
      if (!types) {
        declared = tl::unexpected<Error>(std::move(types).error());
      } else if (*types) {
        declared = declare(function, operation, **types);
      } else {
        declared = check_declared(function, operation.results);
      }
      if (!declared) return fail("{}{}", place(where, operation.location), declared.error().message);
    }
    inference.learn(function, operation);
  }
  return {};
}

Result<Function> with_input_shapes(Function function, const std::map<std::string, Shape>& shapes,
                                   const Weights* weights) {
  for (const auto& [name, shape] : shapes) {
    const auto found = function.input(name);
    if (!found) return fail("function {} has no input {}", function.name, name);
    TensorType& type = function.values[size_t(*found)].type;
    TensorType given = type;
    given.shape = shape;
    TRY(checked_bytes(given));
    if (!agrees(type, given)) {
      return fail("input {} is declared {}, but was given the shape {}", name, to_string(type), to_string(shape));
    }
    type = std::move(given);
  }
  TRY(check(function, weights));
  return function;
}

Result<std::vector<std::optional<Tensor>>> fold_constants(const Function& function, const Weights& weights,
                                                          bool keep_floats) {
  std::vector<std::optional<Tensor>> constants;
  constants.reserve(function.values.size());
  for (const ValueInfo& value : function.values) constants.push_back(TRY(constant_value(value, weights)));
  const auto constant = [&](ValueId id) {
    const auto& tensor = constants[size_t(id)];
    return tensor ? &*tensor : nullptr;
  };
  for (const Operation& operation : function.operations) {
    if (operation.op->name == "const") continue;
    const bool foldable = std::ranges::all_of(operation.arguments, [&](const Argument& argument) {
      if (is_type_only(operation, argument)) return true;
      return std::ranges::all_of(argument.values, [&](ValueId id) { return constant(id) != nullptr; });
    });
    if (!foldable) continue;
    std::vector<Tensor> results = evaluate_constants(function, operation, constant, keep_floats);
    for (size_t i = 0; i < results.size(); ++i) constants[size_t(operation.results[i])] = std::move(results[i]);
  }
  return constants;
}

}  // namespace anemone::mil
