// Programs from their messages.
#include <algorithm>
#include <unordered_map>

#include "mil/lexer.h"
#include "mil/package/opset.h"
#include "mil/package/values.h"

namespace anemone::mil {
namespace {

Result<> add_attribute(const proto::NamedValue& message, Attributes& attributes) {
  const std::string& name = message.name();
  if (!is_identifier(name)) return fail("attribute \"{}\": the name is no identifier", name);
  auto text = read_attribute(message.value());
  if (!text) return fail("attribute {}: {}", name, text.error().message);
  if (!attributes.emplace(name, *std::move(text)).second) return fail("attribute {} stands there twice", name);
  return {};
}

class FunctionReader {
 public:
  FunctionReader(const proto::NamedFunction& message, std::string_view where)
      : name_(message.name()), message_(message.value()), where_(where) {}

  Result<Function> read() {
    auto done = read_all();
    if (!done) return fail("{}: function {}: {}", where_, name_, done.error().message);
    return std::move(function_);
  }

 private:
  Result<> read_all() {
    if (!is_identifier(name_)) return fail("the name is no identifier");
    const auto opset = opset_of(message_.opset());
    if (!opset) return fail("the opset \"{}\" is unknown, expected CoreML5 to CoreML9", message_.opset());
    opset_ = *opset;
    function_.name = name_;
    function_.opset = fmt::format("ios{}", opset_);
    for (const auto& attribute : message_.attributes()) TRY(add_attribute(attribute, function_.attributes));
    for (const auto& input : message_.inputs()) function_.inputs.push_back(TRY(define(input)));
    return read_block(*TRY(block()));
  }

  Result<const proto::Block*> block() const {
    const auto found = std::ranges::find(message_.blocks(), message_.opset(), &proto::NamedBlock::name);
    if (found == message_.blocks().end()) return fail("there is no block for its opset {}", message_.opset());
    return &found->value();
  }

  Result<> read_block(const proto::Block& block) {
    if (block.inputs_size() > 0) return fail("its block has inputs of its own");
    proto::Operation operation;
    for (const std::string& bytes : block.operations()) {
      if (!operation.ParseFromString(bytes)) {
        return fail("operation {}: the message is malformed", function_.operations.size());
      }
      if (auto read = read_operation(operation); !read) {
        return fail("operation {}: {}", function_.operations.size(), read.error().message);
      }
    }
    if (block.outputs().empty()) return fail("it has no outputs");
    for (const std::string& name : block.outputs()) function_.outputs.push_back(TRY(find(name)));
    return {};
  }

  Result<ValueId> find(const std::string& name) const {
    const auto found = ids_.find(name);
    if (found == ids_.end()) return fail("{} is not defined before it is used", name);
    return found->second;
  }

  ValueId add(ValueInfo value) {
    function_.values.push_back(std::move(value));
    return static_cast<ValueId>(function_.values.size() - 1);
  }

  Result<ValueId> define(const proto::NamedType& message) {
    const std::string& name = message.name();
    if (!is_identifier(name)) return fail("\"{}\": a name is letters, digits, _ and @, and begins with no digit", name);
    auto type = read_type(message.type());
    if (!type) return fail("{}: {}", name, type.error().message);
    const ValueId id = add({.name = name, .type = *std::move(type), .constant = {}, .blob = {}});
    if (!ids_.emplace(name, id).second) return fail("{} is defined twice", name);
    return id;
  }

  Result<const OpDef*> op_of(const std::string& type) const {
    if (const OpDef* op = find_op(type, opset_)) return op;
    const std::string_view why = why_unsupported(type);
    if (!why.empty()) return fail("{}: {}", type, why);
    const OpDef* newer = find_op(type);
    if (newer != nullptr)
      return fail("{}: the op came with ios{}, the function is {}", type, newer->since, function_.opset);
    return fail("there is no op \"{}\"", type);
  }

  Result<> read_operation(const proto::Operation& message) {
    Operation operation{.op = TRY(op_of(message.type())), .name = {}, .arguments = {}, .results = {}};
    const auto read = operation.op->name == "const" ? read_const(message, operation) : read_use(message, operation);
    if (!read) return fail("{}: {}", message.type(), read.error().message);
    function_.operations.push_back(std::move(operation));
    return {};
  }

  Result<> read_name(const proto::Value& message, Operation& operation) {
    const ValueInfo name = TRY(read_constant(message));
    if (!name.constant || name.type.dtype != DType::string) return fail("its name is no string");
    operation.name = name.constant->characters();
    return {};
  }

  Result<> read_const(const proto::Operation& message, Operation& operation) {
    if (message.inputs_size() > 0 || message.outputs_size() != 1) return fail("it takes no inputs and has one result");
    operation.results.push_back(TRY(define(message.outputs(0))));
    ValueInfo& result = function_.values.back();
    for (const auto& attribute : message.attributes()) {
      if (attribute.name() == "name") {
        TRY(read_name(attribute.value(), operation));
      } else if (attribute.name() == "val") {
        ValueInfo value = TRY(read_constant(attribute.value()));
        if (value.type != result.type) {
          return fail("{} is declared {}, but its value is {}", result.name, to_string(result.type),
                      to_string(value.type));
        }
        result.constant = std::move(value.constant);
        result.blob = std::move(value.blob);
      } else {
        TRY(add_attribute(attribute, operation.attributes));
      }
    }
    if (!result.constant && !result.blob) return fail("{} has no val", result.name);
    return {};
  }

  // Constants that are stored compressed have their operands among the attributes; from ios18 on, among the inputs.
  Result<> read_use(const proto::Operation& message, Operation& operation) {
    if (message.blocks_size() > 0) return fail("nested blocks are not supported");
    for (const auto& input : message.inputs()) TRY(read_argument(input, operation));
    for (const auto& attribute : message.attributes()) {
      if (attribute.name() == "name") {
        TRY(read_name(attribute.value(), operation));
      } else if (attribute.name() == "val") {
        return fail("only a const has an attribute val");
      } else if (operation.op->param(attribute.name()) != nullptr) {
        TRY(add_argument(attribute.name(), {add(TRY(read_constant(attribute.value())))}, operation));
      } else {
        TRY(add_attribute(attribute, operation.attributes));
      }
    }
    for (const auto& output : message.outputs()) operation.results.push_back(TRY(define(output)));
    return {};
  }

  Result<> read_argument(const proto::NamedArgument& message, Operation& operation) {
    std::vector<ValueId> values;
    for (const auto& binding : message.value().bindings()) {
      auto value = read_binding(binding);
      if (!value) return fail("parameter {}: {}", message.name(), value.error().message);
      values.push_back(*value);
    }
    return add_argument(message.name(), std::move(values), operation);
  }

  Result<ValueId> read_binding(const proto::Binding& message) {
    if (message.has_value()) return add(TRY(read_constant(message.value())));
    return find(message.name());
  }

  static Result<> add_argument(const std::string& name, std::vector<ValueId> values, Operation& operation) {
    const Param* param = operation.op->param(name);
    if (param == nullptr) return fail("there is no parameter {}", name);
    if (operation.argument(name) != nullptr) return fail("parameter {} is given twice", name);
    if (values.empty()) return fail("parameter {} has no value", name);
    if (!param->tuple && values.size() > 1) return fail("parameter {} takes one value", name);
    operation.arguments.push_back({name, std::move(values)});
    return {};
  }

  const std::string& name_;
  const proto::Function& message_;
  std::string_view where_;
  int opset_ = kNewestOpset;
  Function function_;
  std::unordered_map<std::string, ValueId> ids_;
};

}  // namespace

Result<Program> read_program(const proto::Program& message, std::string_view where) {
  if (message.version() != 1) return fail("{}: the program has version {}, expected 1", where, message.version());
  Program program{.attributes = {}, .functions = {}};
  for (const auto& attribute : message.attributes()) {
    if (auto added = add_attribute(attribute, program.attributes); !added) {
      return fail("{}: {}", where, added.error().message);
    }
  }
  for (const auto& function : message.functions()) {
    program.functions.push_back(TRY(FunctionReader(function, where).read()));
  }
  if (program.functions.empty()) return fail("{}: the program has no function", where);
  std::ranges::sort(program.functions, {}, &Function::name);
  const auto twice = std::ranges::adjacent_find(program.functions, {}, &Function::name);
  if (twice != program.functions.end()) return fail("{}: function {} stands there twice", where, twice->name);
  return program;
}

}  // namespace anemone::mil
