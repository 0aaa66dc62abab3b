#include "mil/function.h"

#include <algorithm>

namespace anemone::mil {

const Argument* Operation::argument(std::string_view argument_name) const {
  const auto found = std::ranges::find(arguments, argument_name, &Argument::name);
  return found == arguments.end() ? nullptr : &*found;
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
