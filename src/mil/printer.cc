#include "mil/printer.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <utility>

#include "base/check.h"
#include "mil/lexer.h"

namespace anemone::mil {
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

namespace {

// A tensor without elements is lists of empty lists, but not billions of them.
bool promises_too_many_lists(const Shape& shape) {
  constexpr int64_t kMost = 64;
  if (count(shape) != 0) return false;
  int64_t lists = 1;
  for (int64_t dimension : shape) {
    if (dimension == 0) return false;
    if (dimension > kMost / lists) return true;
    lists *= dimension;
  }
  return false;
}

}  // namespace

std::string to_text(const Tensor& tensor) {
  if (tensor.type().dtype == DType::string) return quote(tensor.characters());
  if (promises_too_many_lists(tensor.type().shape)) return "[]";
  std::string text;
  int64_t at = 0;
  append_elements(tensor, 0, at, text);
  return text;
}

namespace {

std::string join(const std::vector<std::string>& parts) { return fmt::format("{}", fmt::join(parts, ", ")); }

// How programs of a version spell the same things.
class Writer {
 public:
  explicit Writer(std::string_view version) : tensors_only_(version == "1.0") {}

  std::string function_text(const Function& function) const {
    std::string text = fmt::format("    func {}<{}>({}) {}{{\n", function.name, function.opset,
                                   declarations(function, function.inputs), bracketed(function.attributes, " "));
    for (const Operation& operation : function.operations) {
      text += "            ";
      text += statement(function, operation);
      text += '\n';
    }
    std::vector<std::string> outputs;
    for (ValueId id : function.outputs) outputs.push_back(function.value(id).name);
    return text + fmt::format("        }} -> ({});\n", join(outputs));
  }

  static std::string bracketed(const Attributes& attributes, std::string_view behind) {
    if (attributes.empty()) return {};
    std::vector<std::string> parts;
    for (const auto& [name, value] : attributes) parts.push_back(fmt::format("{} = {}", name, value));
    return fmt::format("[{}]{}", join(parts), behind);
  }

 private:
  // program(1.0) writes scalars as tensors of rank 0.
  std::string type(const TensorType& type) const {
    if (!tensors_only_ || !type.shape.empty() || type.state || type.buffer) return to_string(type);
    return fmt::format("tensor<{}, []>", to_string(type.dtype));
  }
  std::string scalar(DType dtype, std::string_view text) const {
    return fmt::format("{}({})", type({dtype, {}}), text);
  }

  std::string value(const ValueInfo& value) const {
    if (!value.blob) return fmt::format("{}({})", type(value.type), to_text(value.constant.value()));
    return fmt::format("{}(BLOBFILE(path = {}, offset = {}))", type(value.type),
                       scalar(DType::string, quote(value.blob->path)),
                       scalar(DType::uint64, std::to_string(value.blob->offset)));
  }

  // A name, or a constant in place.
  std::string operand(const ValueInfo& info) const { return info.name.empty() ? value(info) : info.name; }

  std::string argument(const Function& function, const Operation& operation, const Argument& argument) const {
    const Param* param = operation.op->param(argument.name);
    CHECK(param != nullptr);
    std::vector<std::string> operands;
    for (ValueId id : argument.values) operands.push_back(operand(function.value(id)));
    return param->tuple ? fmt::format("({})", join(operands)) : operands.at(0);
  }

  std::string declarations(const Function& function, const std::vector<ValueId>& ids) const {
    std::vector<std::string> parts;
    for (ValueId id : ids) parts.push_back(type(function.value(id).type) + ' ' + function.value(id).name);
    return join(parts);
  }

  // The constexpr ops that came before ios18 have their operands, all constants in place, among their attributes.
  static bool has_operands_in_attributes(const Function& function, const Operation& operation) {
    if (!operation.op->name.starts_with("constexpr_") || operation.op->since >= 18) return false;
    return std::ranges::all_of(operation.arguments, [&](const Argument& argument) {
      return std::ranges::all_of(argument.values, [&](ValueId id) { return function.value(id).name.empty(); });
    });
  }

  std::string statement(const Function& function, const Operation& operation) const {
    Attributes arguments, attributes = operation.attributes;
    for (const Argument& each : operation.arguments) arguments[each.name] = argument(function, operation, each);
    if (has_operands_in_attributes(function, operation)) attributes.merge(std::exchange(arguments, {}));
    if (!operation.name.empty()) attributes["name"] = scalar(DType::string, quote(operation.name));
    if (operation.op->name == "const") attributes["val"] = value(function.value(operation.results.at(0)));
    std::string text = declarations(function, operation.results);
    if (!text.empty()) text += " = ";
    text += operation.op->name;
    if (!operation.opset.empty()) text += fmt::format("<{}>", operation.opset);
    std::vector<std::string> parts;
    for (const auto& [name, operands] : arguments) parts.push_back(fmt::format("{} = {}", name, operands));
    return text + fmt::format("({}){};", join(parts), bracketed(attributes, ""));
  }

  bool tensors_only_;
};

}  // namespace

std::string print(const Program& program) {
  std::string text = fmt::format("program({})\n{}{{\n", program.version, Writer::bracketed(program.attributes, "\n"));
  const Writer writer(program.version);
  for (const Function& function : program.functions) text += writer.function_text(function);
  return text + "}\n";
}

std::string print(const Function& function) {
  Program program;
  program.functions.push_back(function);
  return print(program);
}

}  // namespace anemone::mil
