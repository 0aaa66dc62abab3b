#include "mil/function.h"

#include <algorithm>

namespace anemone::mil {

const Argument* Operation::argument(std::string_view argument_name) const {
  const auto found = std::ranges::find(arguments, argument_name, &Argument::name);
  return found == arguments.end() ? nullptr : &*found;
}

namespace {

bool same_values(const Function& f, const std::vector<ValueId>& a, const Function& g, const std::vector<ValueId>& b) {
  return std::ranges::equal(a, b, [&](ValueId x, ValueId y) { return f.value(x) == g.value(y); });
}

bool same_arguments(const Function& f, const Operation& a, const Function& g, const Operation& b) {
  return a.arguments.size() == b.arguments.size() && std::ranges::all_of(a.arguments, [&](const Argument& x) {
           const Argument* y = b.argument(x.name);
           return y != nullptr && same_values(f, x.values, g, y->values);
         });
}

}  // namespace

bool operator==(const Function& a, const Function& b) {
  const auto same_operation = [&](const Operation& x, const Operation& y) {
    return x.op == y.op && x.name == y.name && x.attributes == y.attributes && x.opset == y.opset &&
           same_arguments(a, x, b, y) && same_values(a, x.results, b, y.results);
  };
  return a.name == b.name && a.opset == b.opset && a.attributes == b.attributes &&
         same_values(a, a.inputs, b, b.inputs) && same_values(a, a.outputs, b, b.outputs) &&
         std::ranges::equal(a.operations, b.operations, same_operation);
}

std::optional<ValueId> Function::input(std::string_view input_name) const {
  const auto found =
      std::ranges::find(inputs, input_name, [this](ValueId id) { return std::string_view(value(id).name); });
  return found == inputs.end() ? std::nullopt : std::optional(*found);
}

const Function* Program::function(std::string_view name) const {
  const auto found = std::ranges::find(functions, name, &Function::name);
  return found == functions.end() ? nullptr : &*found;
}

void Weights::set(const BlobReference& reference, Tensor tensor) {
  std::vector<Tensor>& tensors = tensors_[reference];
  const auto same = std::ranges::find(tensors, tensor.type(), &Tensor::type);
  if (same != tensors.end()) {
    *same = std::move(tensor);
  } else {
    tensors.push_back(std::move(tensor));
  }
}

Result<Tensor> Weights::find(const BlobReference& reference, const TensorType& type) const {
  const auto found = tensors_.find(reference);
  if (found == tensors_.end()) return fail("weight {} at offset {} is missing", reference.path, reference.offset);
  const auto same = std::ranges::find(found->second, type, &Tensor::type);
  if (same == found->second.end()) {
    return fail("weight {} is {}, but the program declares {}", reference.path, to_string(found->second.front().type()),
                to_string(type));
  }
  return *same;
}

Result<std::optional<Tensor>> constant_value(const ValueInfo& value, const Weights& weights) {
  if (value.constant) return value.constant;
  if (!value.blob) return std::nullopt;
  return TRY(weights.find(*value.blob, value.type));
}

}  // namespace anemone::mil
