// Messages from programs.
#include <algorithm>

#include "mil/package/opset.h"
#include "mil/package/values.h"

namespace anemone::mil {
namespace {

template <class Message>
Result<> write_attributes(const Attributes& attributes, Message& message) {
  for (const auto& [name, text] : attributes) {
    auto& attribute = *message.add_attributes();
    attribute.set_name(name);
    TRY(write_attribute(name, text, *attribute.mutable_value()));
  }
  return {};
}

Result<> write_named_type(const ValueInfo& value, proto::NamedType& message) {
  message.set_name(value.name);
  return write_type(value.type, *message.mutable_type());
}

Result<> write_binding(const ValueInfo& value, proto::Binding& message) {
  if (value.name.empty()) return write_constant(value, *message.mutable_value());
  message.set_name(value.name);
  return {};
}

Result<> add_constant(const std::string& name, const ValueInfo& value, proto::Operation& message) {
  auto& attribute = *message.add_attributes();
  attribute.set_name(name);
  return write_constant(value, *attribute.mutable_value());
}

// Constants that are stored compressed had their operands among the attributes before ios18.
bool stands_among_attributes(const Function& function, const Operation& operation, const Argument& argument) {
  return operation.op->name.starts_with("constexpr_") && operation.op->since < 18 &&
         function.value(argument.values.at(0)).name.empty();
}

Result<> write_argument(const Function& function, const Operation& operation, const Argument& argument,
                        proto::Operation& message) {
  if (stands_among_attributes(function, operation, argument)) {
    return add_constant(argument.name, function.value(argument.values.at(0)), message);
  }
  auto& input = *message.add_inputs();
  input.set_name(argument.name);
  for (ValueId id : argument.values) TRY(write_binding(function.value(id), *input.mutable_value()->add_bindings()));
  return {};
}

Result<> write_operation(const Function& function, const Operation& operation, proto::Operation& message) {
  if (!operation.opset.empty() && operation.opset != function.opset) {
    return fail("an op of {} in a function of {} has no place in a model", operation.opset, function.opset);
  }
  message.set_type(std::string(operation.op->name));
  if (!operation.name.empty()) {
    ValueInfo name;
    name.type = {DType::string, {}};
    name.constant = Tensor::text(operation.name);
    TRY(add_constant("name", name, message));
  }
  if (operation.op->name == "const") TRY(add_constant("val", function.value(operation.results.at(0)), message));
  std::vector<Argument> arguments = operation.arguments;
  std::ranges::sort(arguments, {}, &Argument::name);
  for (const Argument& argument : arguments) TRY(write_argument(function, operation, argument, message));
  TRY(write_attributes(operation.attributes, message));
  for (ValueId id : operation.results) TRY(write_named_type(function.value(id), *message.add_outputs()));
  return {};
}

Result<> write_block(const Function& function, proto::Block& message) {
  for (const Operation& operation : function.operations) {
    proto::Operation operation_message;
    if (auto written = write_operation(function, operation, operation_message); !written) {
      return fail("{}: {}", operation.op->name, written.error().message);
    }
    operation_message.SerializeToString(message.add_operations());
  }
  for (ValueId id : function.outputs) message.add_outputs(function.value(id).name);
  return {};
}

Result<> write_function(const Function& function, proto::Function& message) {
  const auto opset = parse_opset(function.opset);
  const ProtoOpset* known = opset ? find_proto_opset(*opset) : nullptr;
  if (known == nullptr) return fail("models have no opset {}", function.opset);
  message.set_opset(std::string(known->name));
  TRY(write_attributes(function.attributes, message));
  for (ValueId id : function.inputs) TRY(write_named_type(function.value(id), *message.add_inputs()));
  auto& block = *message.add_blocks();
  block.set_name(std::string(known->name));
  return write_block(function, *block.mutable_value());
}

}  // namespace

Result<> write_program(const Program& program, proto::Program& message) {
  message.set_version(1);
  TRY(write_attributes(program.attributes, message));
  for (const Function& function : program.functions) {
    auto& entry = *message.add_functions();
    entry.set_name(function.name);
    if (auto written = write_function(function, *entry.mutable_value()); !written) {
      return fail("function {}: {}", function.name, written.error().message);
    }
  }
  return {};
}

}  // namespace anemone::mil
