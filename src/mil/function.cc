#include "mil/function.h"

#include <algorithm>

namespace anemone::mil {

const Argument* Operation::argument(std::string_view argument_name) const {
  const auto found = std::ranges::find(arguments, argument_name, &Argument::name);
  return found == arguments.end() ? nullptr : &*found;
}

namespace {

using NamedArguments = std::map<std::string, std::vector<std::string>>;

NamedArguments named_arguments(const Function& function, const Operation& operation) {
  NamedArguments arguments;
  for (const Argument& argument : operation.arguments) {
    for (ValueId id : argument.values) arguments[argument.name].push_back(function.value(id).name);
  }
  return arguments;
}

bool same_values(const Function& f, const std::vector<ValueId>& a, const Function& g, const std::vector<ValueId>& b) {
  return std::ranges::equal(a, b, [&](ValueId x, ValueId y) { return f.value(x) == g.value(y); });
}

}  // namespace

bool operator==(const Function& a, const Function& b) {
  const auto same_operation = [&](const Operation& x, const Operation& y) {
    return x.op == y.op && x.name == y.name && named_arguments(a, x) == named_arguments(b, y) &&
           same_values(a, x.results, b, y.results);
  };
  return a.name == b.name && a.opset == b.opset && same_values(a, a.inputs, b, b.inputs) &&
         same_values(a, a.outputs, b, b.outputs) && std::ranges::equal(a.operations, b.operations, same_operation);
}

Result<Tensor> Weights::find(const BlobReference& reference, const TensorType& type) const {
  const auto found = tensors_.find(reference);
  if (found == tensors_.end()) return fail("weight {} at offset {} is missing", reference.path, reference.offset);
  const Tensor& tensor = found->second;
  if (tensor.type() != type) {
    return fail("weight {} is {}, but the program declares {}", reference.path, to_string(tensor.type()),
                to_string(type));
  }
  return tensor;
}

Result<std::optional<Tensor>> constant_value(const ValueInfo& value, const Weights& weights) {
  if (value.constant) return value.constant;
  if (!value.blob) return std::nullopt;
  return TRY(weights.find(*value.blob, value.type));
}

}  // namespace anemone::mil
