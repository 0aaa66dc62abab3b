#include "mil/printer.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstring>

#include "base/check.h"

namespace anemone::mil {

std::string quote(std::string_view text) {
  std::string quoted = "\"";
  for (char letter : text) {
    constexpr std::string_view kEscaped = "\"\\\n\t\r", kLetters = "\"\\ntr";
    const size_t at = kEscaped.find(letter);
    if (at != std::string_view::npos) quoted += '\\';
    quoted += at == std::string_view::npos ? letter : kLetters[at];
  }
  return quoted + '"';
}

namespace {

// Element i of a numeric or boolean tensor; 64-bit integers do not pass through double.
std::string element(const Tensor& tensor, int64_t i) {
  const DType dtype = tensor.type().dtype;
  if (dtype == DType::boolean) return tensor.number(i) != 0 ? "true" : "false";
  if (dtype == DType::int64 || dtype == DType::uint64) {
    uint64_t word;
    std::memcpy(&word, tensor.bytes().data() + i * 8, sizeof word);
    return dtype == DType::int64 ? std::to_string(static_cast<int64_t>(word)) : std::to_string(word);
  }
  const double value = tensor.number(i);
  if (std::isnan(value)) return "nan";
  return is_float(dtype) ? fmt::format("{:a}", value) : fmt::format("{:.0f}", value);
}

// The elements from `at` on, nested by the dimensions from `axis` on.
void append_elements(const Tensor& tensor, size_t axis, int64_t& at, std::string& text) {
  const Shape& shape = tensor.type().shape;
  if (axis == shape.size()) {
    text += element(tensor, at++);
    return;
  }
  text += '[';
  for (int64_t i = 0; i < shape[axis]; ++i) {
    if (i > 0) text += ", ";
    append_elements(tensor, axis + 1, at, text);
  }
  text += ']';
}

}  // namespace

std::string literal(const Tensor& tensor) {
  if (tensor.type().dtype == DType::string) return quote(tensor.characters());
  std::string text;
  int64_t at = 0;
  append_elements(tensor, 0, at, text);
  return text;
}

std::string literal(const BlobReference& reference) {
  return fmt::format("BLOBFILE(path = string({}), offset = uint64({}))", quote(reference.path), reference.offset);
}

namespace {

std::string name_attribute(const std::string& name) { return fmt::format("name = string({})", quote(name)); }

std::string join(const std::vector<std::string>& parts) { return fmt::format("{}", fmt::join(parts, ", ")); }

std::string operand(const Function& function, const Argument& argument, bool tuple) {
  std::vector<std::string> names;
  for (ValueId id : argument.values) names.push_back(function.value(id).name);
  return tuple ? fmt::format("{} = ({})", argument.name, join(names)) : argument.name + " = " + names.at(0);
}

std::string arguments(const Function& function, const Operation& operation) {
  std::vector<Argument> sorted = operation.arguments;
  std::ranges::sort(sorted, {}, &Argument::name);
  std::vector<std::string> parts;
  for (const Argument& argument : sorted) {
    const Param* param = operation.op->param(argument.name);
    CHECK(param != nullptr);
    parts.push_back(operand(function, argument, param->tuple));
  }
  return join(parts);
}

std::string declaration(const ValueInfo& value) { return to_string(value.type) + ' ' + value.name; }

std::string declarations(const Function& function, const std::vector<ValueId>& ids) {
  std::vector<std::string> parts;
  for (ValueId id : ids) parts.push_back(declaration(function.value(id)));
  return join(parts);
}

std::string statement(const Function& function, const Operation& operation) {
  const std::string results = declarations(function, operation.results);
  const std::string name = name_attribute(operation.name);
  if (operation.op->name != "const") {
    return fmt::format("{} = {}({})[{}];", results, operation.op->name, arguments(function, operation), name);
  }
  const ValueInfo& value = function.value(operation.results.at(0));
  return fmt::format("{} = const()[{}, val = {}({})];", results, name, to_string(value.type),
                     value.blob ? literal(*value.blob) : literal(value.constant.value()));
}

std::string function_text(const Function& function) {
  std::string text =
      fmt::format("    func {}<{}>({}) {{\n", function.name, function.opset, declarations(function, function.inputs));
  for (const Operation& operation : function.operations) {
    text += fmt::format("            {}\n", statement(function, operation));
  }
  std::vector<std::string> outputs;
  for (ValueId id : function.outputs) outputs.push_back(function.value(id).name);
  return text + fmt::format("        }} -> ({});\n", join(outputs));
}

}  // namespace

std::string print(const Program& program) {
  std::string text = fmt::format("program({})\n", program.version);
  std::vector<std::string> attributes;
  for (const auto& [name, value] : program.attributes) attributes.push_back(name + " = " + value);
  if (!attributes.empty()) text += fmt::format("[{}]\n", join(attributes));
  text += "{\n";
  for (const Function& function : program.functions) text += function_text(function);
  return text + "}\n";
}

std::string print(const Function& function) {
  Program program;
  program.functions.push_back(function);
  return print(program);
}

}  // namespace anemone::mil
