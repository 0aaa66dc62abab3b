#include "mil/interpreter.h"

#include <cmath>

#include "base/check.h"

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

// An op's exact result as its declared type holds it. Integers are integers whatever the rounding of floats.
void settle(Array& result, Rounding rounding) {
  const DType dtype = result.type.dtype;
  if (!is_float(dtype) && dtype != DType::boolean) {
    for (double& value : result.data) value = wrap(dtype, value);
  } else if (rounding == Rounding::declared) {
    result = to_array(to_tensor(result));
  }
}

}  // namespace

Array to_array(const Tensor& tensor) { return {tensor.type(), tensor.numbers()}; }

Tensor to_tensor(const Array& array) { return Tensor::from_numbers(array.type, array.data); }

Result<Interpreter> Interpreter::create(const Function& function, const Weights& weights, Rounding rounding) {
  Interpreter interpreter(function, rounding);
  for (const ValueInfo& value : function.values) {
    std::optional<Tensor> tensor = TRY(constant_value(value, weights));
    const bool numeric = tensor && tensor->type().dtype != DType::string;
    interpreter.constants_.push_back(numeric ? std::optional(to_array(*tensor)) : std::nullopt);
    interpreter.tensors_.push_back(std::move(tensor));
  }
  return interpreter;
}

std::vector<Array> Interpreter::run(std::span<const Array> inputs) const {
  CHECK(inputs.size() == function_.inputs.size());
  std::vector<std::optional<Array>> computed(function_.values.size());
  for (size_t i = 0; i < inputs.size(); ++i) computed[size_t(function_.inputs[i])] = inputs[i];
  const auto array = [&](ValueId id) {
    const auto& constant = constants_[size_t(id)];
    const auto& value = computed[size_t(id)];
    return constant ? &*constant : value ? &*value : nullptr;
  };
  for (const Operation& operation : function_.operations) {
    if (operation.op->name == "const") continue;
    std::vector<OpCall::Argument> arguments;
    for (const Argument& argument : operation.arguments) {
      OpCall::Argument& call = arguments.emplace_back(OpCall::Argument{argument.name, {}});
      for (ValueId id : argument.values) {
        const auto& tensor = tensors_[size_t(id)];
        call.operands.push_back({function_.value(id).type, tensor ? &*tensor : nullptr, array(id)});
      }
    }
    for (const Param& param : operation.op->params) {
      if (param.fallback && operation.argument(param.name) == nullptr) {
        arguments.push_back({std::string(param.name), {{param.fallback->type(), &*param.fallback}}});
      }
    }
    std::vector<Array> results;
    for (ValueId id : operation.results) {
      const TensorType& type = function_.value(id).type;
      results.push_back({type, std::vector<double>(static_cast<size_t>(type.count()))});
    }
    operation.op->evaluate(OpCall(std::move(arguments)), results);
    for (size_t i = 0; i < results.size(); ++i) {
      settle(results[i], rounding_);
      computed[size_t(operation.results[i])] = std::move(results[i]);
    }
  }
  std::vector<Array> outputs;
  for (ValueId id : function_.outputs) outputs.push_back(*array(id));
  return outputs;
}

}  // namespace anemone::mil
