#include "mil/op_testing.h"

#include <algorithm>
#include <cmath>
#include <filesystem>

#include "base/check.h"
#include "base/file.h"
#include "base/json.h"
#include "mil/gradient.h"

namespace anemone::mil {
namespace {

using nlohmann::json;

double read_number(const json& from) {
  if (!from.is_string()) return from.get<double>();
  const auto text = from.get<std::string>();
  return text == "nan" ? NAN : text == "inf" ? INFINITY : -INFINITY;
}

std::vector<double> read_numbers(const json& from) {
  std::vector<double> numbers;
  for (const json& number : from["data"]) numbers.push_back(read_number(number));
  return numbers;
}

TensorType read_type(const json& from) {
  TensorType type{*parse_dtype(from["dtype"].get<std::string>()), from["shape"].get<Shape>()};
  type.state = from.value("state", false);
  if (from.contains("strides")) {
    type.buffer = {from["strides"].get<std::vector<int64_t>>(), from["interleave_factors"].get<std::vector<int64_t>>()};
  }
  return type;
}

Given read_argument(const json& from) {
  if (from.is_array()) {
    std::vector<Tensor> tuple;
    for (const json& tensor : from) tuple.push_back(std::get<Tensor>(read_argument(tensor)));
    return tuple;
  }
  if (from.contains("text")) return Tensor::text(from["text"].get<std::string>());
  Tensor tensor = Tensor::from_numbers(read_type(from), read_numbers(from));
  if (from.value("fixed", false)) return Fixed{std::move(tensor)};
  return tensor;
}

GoldenCase read_case(const json& from) {
  GoldenCase golden{from.dump(), from["op"].get<std::string>(), from.value("opset", "ios18"), {}, {}, {}};
  for (const auto& [name, value] : from["arguments"].items()) golden.arguments.emplace_back(name, read_argument(value));
  for (const json& result : from["results"]) {
    golden.types.push_back(read_type(result));
    TensorType type = golden.types.back();
    if (is_float(type.dtype)) type.dtype = DType::fp64;
    golden.results.push_back(Tensor::from_numbers(type, read_numbers(result)));
  }
  return golden;
}

}  // namespace

Call::Call(std::string_view op, const GivenArguments& arguments, const std::string& opset)
    : builder_("main", opset), function_(fail("not built")) {
  const OpDef* def = find_op(op, *parse_opset(opset));
  Builder::Arguments given;
  for (const auto& [name, value] : arguments) {
    const Param* param = def == nullptr ? nullptr : def->param(name);
    std::vector<Value> operands;
    if (const auto* tuple = std::get_if<std::vector<Tensor>>(&value)) {
      for (const Tensor& tensor : *tuple) operands.push_back(operand(param, tensor));
    } else if (const auto* fixed = std::get_if<Fixed>(&value)) {
      operands = {builder_.constant(fixed->tensor)};
    } else {
      operands = {operand(param, std::get<Tensor>(value))};
    }
    given.emplace_back(name, std::move(operands));
  }
  const std::vector<Value> results = builder_.apply_all(op, given);
  for (size_t i = 0; i < results.size(); ++i) {
    types_.push_back(results[i].type());
    builder_.output("result" + std::to_string(i), results[i]);
  }
  function_ = builder_.finish();
}

Value Call::operand(const Param* param, const Tensor& tensor) {
  const bool constant = param == nullptr || param->need >= Need::if_constant || tensor.type().dtype == DType::string;
  if (constant) return builder_.constant(tensor);
  inputs_.push_back(to_array(tensor));
  return builder_.input("input" + std::to_string(inputs_.size()), tensor.type());
}

Result<std::vector<Array>> Call::run(Rounding rounding) const {
  const Function function = TRY(Result<Function>(function_));
  const Interpreter interpreter = TRY(Interpreter::create(function, {}, rounding));
  return interpreter.run(inputs_);
}

std::vector<GoldenCase> golden_cases(std::string_view family) {
  std::vector<std::filesystem::path> files;
  for (const auto& entry : std::filesystem::directory_iterator(ANEMONE_SOURCE_DIR "/tests/golden/ops")) {
    const std::filesystem::path& path = entry.path();
    if (path.extension() == ".json" && (family.empty() || path.stem() == family)) files.push_back(path);
  }
  std::ranges::sort(files);
  std::vector<GoldenCase> cases;
  for (const auto& path : files) {
    const json entries = *parse_json(*read_text(path), path.string());
    for (const json& entry : entries) cases.push_back(read_case(entry));
  }
  CHECK(!cases.empty());
  return cases;
}

Tensor row(DType dtype, const std::vector<double>& values) {
  return Tensor::from_numbers({dtype, {static_cast<int64_t>(values.size())}}, values);
}

Tensor zeros(DType dtype, const Shape& shape) {
  return Tensor::from_numbers({dtype, shape}, std::vector<double>(static_cast<size_t>(count(shape))));
}

std::vector<double> values(std::string_view op, const GivenArguments& arguments) {
  const auto results = Call(op, arguments).run(Rounding::declared);
  return results ? results->at(0).data : std::vector<double>();
}

std::string error(std::string_view op, const GivenArguments& arguments) { return Call(op, arguments).error(); }

Shape shape(std::string_view op, const GivenArguments& arguments) { return Call(op, arguments).type().shape; }

std::vector<std::vector<double>> gradients(std::string_view op, const GivenArguments& arguments) {
  const Call call(op, arguments);
  const Function backward = *gradient(*call.function());
  std::vector<Array> inputs = call.inputs();
  for (size_t i = inputs.size(); i < backward.inputs.size(); ++i) {
    const TensorType& type = backward.value(backward.inputs[i]).type;
    inputs.push_back({type, std::vector<double>(static_cast<size_t>(type.count()), 1.0)});
  }
  std::vector<std::vector<double>> found;
  for (Array& output : (*Interpreter::create(backward, {}, Rounding::declared)).run(inputs)) {
    found.push_back(std::move(output.data));
  }
  return found;
}

}  // namespace anemone::mil
