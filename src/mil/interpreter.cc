#include "mil/interpreter.h"

#include <algorithm>
#include <cmath>
#include <deque>

#include "base/check.h"
#include "mil/inference.h"

namespace anemone::mil {
namespace {

// Integer arithmetic truncates toward zero, then wraps; infinities and NaN become what a cast makes of them.
double wrap(DType dtype, double value) {
  const double range = std::ldexp(1.0, static_cast<int>(bits(dtype)));
  const double low = is_signed_integer(dtype) ? -range / 2 : 0;
  if (!std::isfinite(value)) return Tensor::scalar(dtype, value).number(0);
  value = std::trunc(value);
  return value - range * std::floor((value - low) / range);
}

}  // namespace

void settle(Array& result, Rounding rounding) {
  const DType dtype = result.type.dtype;
  if (!is_float(dtype) && dtype != DType::boolean) {
    for (double& value : result.data) value = wrap(dtype, value);
  } else if (rounding == Rounding::declared) {
    result = to_array(to_tensor(result));
  }
}

Array to_array(const Tensor& tensor) { return {tensor.type(), tensor.numbers()}; }

Tensor to_tensor(const Array& array) { return Tensor::from_numbers(array.type, array.data); }

namespace {

// Results of an operation, sized and typed.
std::vector<Array> blank_results(const Function& function, const Operation& operation) {
  std::vector<Array> results;
  for (ValueId id : operation.results) {
    const TensorType& type = function.value(id).type;
    results.push_back({type, std::vector<double>(static_cast<size_t>(type.count()))});
  }
  return results;
}

bool is_numeric(const std::optional<Tensor>& tensor) { return tensor && tensor->type().dtype != DType::string; }

}  // namespace

std::vector<Tensor> evaluate_constants(const Function& function, const Operation& operation,
                                       const std::function<const Tensor*(ValueId)>& constant, bool keep_floats) {
  std::deque<Array> arrays;
  std::vector<OpCall::Argument> arguments = call_arguments(function, operation, constant);
  for (OpCall::Argument& argument : arguments) {
    for (OpCall::Operand& operand : argument.operands) {
      if (operand.constant == nullptr || operand.type.dtype == DType::string) continue;
      operand.array = &arrays.emplace_back(to_array(*operand.constant));
    }
  }
  std::vector<Array> results = blank_results(function, operation);
  operation.op->evaluate(OpCall(std::move(arguments)), results);
  std::vector<Tensor> tensors;
  for (Array& result : results) {
    settle(result, Rounding::none);
    if (keep_floats && is_float(result.type.dtype)) result.type.dtype = DType::fp32;
    tensors.push_back(to_tensor(result));
  }
  return tensors;
}

Result<Interpreter> Interpreter::create(const Function& function, const Weights& weights, Rounding rounding) {
  Interpreter interpreter(function, rounding);
  interpreter.constants_ = TRY(fold_constants(function, weights));
  for (const auto& tensor : interpreter.constants_) {
    interpreter.arrays_.push_back(is_numeric(tensor) ? std::optional(to_array(*tensor)) : std::nullopt);
  }
  return interpreter;
}

std::vector<Array> Interpreter::run_updating(std::span<Array> inputs) const {
  CHECK(inputs.size() == function_.inputs.size());
  std::vector<std::optional<Array>> computed(function_.values.size());
  for (size_t i = 0; i < inputs.size(); ++i) computed[size_t(function_.inputs[i])] = inputs[i];
  const auto array = [&](ValueId id) {
    const auto& constant = arrays_[size_t(id)];
    const auto& value = computed[size_t(id)];
    return constant ? &*constant : value ? &*value : nullptr;
  };
  const auto constant = [&](ValueId id) {
    const auto& tensor = constants_[size_t(id)];
    return tensor ? &*tensor : nullptr;
  };
  for (const Operation& operation : function_.operations) {
    if (std::ranges::all_of(operation.results, constant) && !operation.results.empty()) continue;
    std::vector<OpCall::Argument> arguments = call_arguments(function_, operation, constant);
    for (size_t a = 0; a < operation.arguments.size(); ++a) {
      const std::vector<ValueId>& ids = operation.arguments[a].values;
      for (size_t i = 0; i < ids.size(); ++i) arguments[a].operands[i].array = array(ids[i]);
    }
    if (operation.op->name == "write_state") {
      Array& state = *computed[size_t(operation.argument("input")->values[0])];
      state.data = array(operation.argument("data")->values[0])->data;
      continue;
    }
    std::vector<Array> results = blank_results(function_, operation);
    operation.op->evaluate(OpCall(std::move(arguments)), results);
    for (size_t i = 0; i < results.size(); ++i) {
      settle(results[i], rounding_);
      computed[size_t(operation.results[i])] = std::move(results[i]);
    }
  }
  for (size_t i = 0; i < inputs.size(); ++i) {
    if (inputs[i].type.state) inputs[i].data = computed[size_t(function_.inputs[i])]->data;
  }
  std::vector<Array> outputs;
  for (ValueId id : function_.outputs) outputs.push_back(*array(id));
  return outputs;
}

}  // namespace anemone::mil
