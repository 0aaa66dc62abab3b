#include "mil/builder.h"

#include <algorithm>

#include "base/check.h"
#include "mil/lexer.h"

namespace anemone::mil {
namespace {

Result<> check_input(const std::string& name, const TensorType& type) {
  if (type.dtype == DType::string) return fail("input {}: a string cannot be an input", name);
  if (auto bytes = checked_bytes(type); !bytes) return fail("input {}: {}", name, bytes.error().message);
  if (type.count() == 0) return fail("input {}: {} has no elements", name, to_string(type));
  return {};
}

}  // namespace

TensorType Value::type() const { return builder_ == nullptr || id_ < 0 ? TensorType{} : builder_->type(id_); }

int64_t Value::dim(size_t axis) const {
  const Shape dimensions = shape();
  return axis < dimensions.size() ? dimensions[axis] : 1;
}

Builder::Builder(std::string name, std::string opset) {
  function_.name = std::move(name);
  function_.opset = std::move(opset);
}

const TensorType& Builder::type(ValueId id) const { return function_.value(id).type; }

void Builder::reject(Error error) {
  if (!error_) error_ = std::move(error);
}

// `wanted` as an identifier where that is free, else with _1, _2, …
std::string Builder::unique_name(std::string wanted) {
  for (char& letter : wanted) {
    if (!may_stand_in_identifier(letter)) letter = '_';
  }
  if (!is_identifier(wanted)) wanted.insert(0, 1, '_');
  std::string name = wanted;
  while (!names_.insert(name).second) name = fmt::format("{}_{}", wanted, ++next_suffix_[wanted]);
  return name;
}

Result<> Builder::check_public_name(std::string_view what, const std::string& name) const {
  if (!is_identifier(name)) return fail("{} {}: a name is letters, digits and _, and begins with no digit", what, name);
  if (names_.contains(name)) return fail("{} {}: the name is taken", what, name);
  return {};
}

ValueId Builder::add_value(const std::string& name, TensorType type) {
  function_.values.push_back({unique_name(name), std::move(type), {}, {}});
  return static_cast<ValueId>(function_.values.size()) - 1;
}

Value Builder::input(const std::string& name, TensorType type) {
  if (auto taken = check_public_name("input", name); !taken) reject(std::move(taken).error());
  if (auto held = check_input(name, type); !held) reject(std::move(held).error());
  const ValueId id = add_value(name, std::move(type));
  function_.inputs.push_back(id);
  return {this, id};
}

Value Builder::add_const(ValueInfo info) {
  const ValueId id = add_value(info.name, info.type);
  info.name = function_.value(id).name;
  function_.operations.push_back({find_op("const"), info.name, {}, {id}});
  function_.values[static_cast<size_t>(id)] = std::move(info);
  return {this, id};
}

Value Builder::constant(const Tensor& tensor, const std::string& name) {
  for (ValueId id : immediates_) {
    if (*function_.value(id).constant == tensor) return {this, id};
  }
  const Value value = add_const({name, tensor.type(), tensor, {}});
  immediates_.push_back(value.id());
  return value;
}

BlobReference weight_file(const std::string& name) { return {fmt::format("@model_path/weights/{}.bin", name), 64}; }

Value Builder::weight(const std::string& name, TensorType type) {
  return weight(name, std::move(type), weight_file(name));
}

Value Builder::weight(const std::string& name, TensorType type, BlobReference reference) {
  if (auto bytes = checked_bytes(type); !bytes) reject({fmt::format("weight {}: {}", name, bytes.error().message)});
  return add_const({name, std::move(type), {}, std::move(reference)});
}

Value Builder::apply(std::string_view op, const Arguments& arguments) {
  const std::vector<Value> results = apply_all(op, arguments);
  return results.empty() ? Value(this, -1) : results[0];
}

std::vector<Value> Builder::apply_all(std::string_view op, const Arguments& arguments) {
  if (!ok()) return {};
  Result<std::vector<Value>> results = append(op, arguments);
  if (results) return *std::move(results);
  reject(std::move(results).error());
  return {};
}

// Names constants and checks that every value is ours.
Result<std::vector<Argument>> Builder::resolve(const Operation& operation, const Arguments& arguments) {
  std::vector<Argument> resolved;
  for (const auto& [name, given] : arguments) {
    std::vector<Value> values;
    if (const auto* tensor = std::get_if<Tensor>(&given)) {
      values = {constant(*tensor, fmt::format("{}_{}", operation.name, name))};
    } else if (const auto* tuple = std::get_if<std::vector<Value>>(&given)) {
      values = *tuple;
    } else {
      values = {std::get<Value>(given)};
    }
    Argument& argument = resolved.emplace_back(Argument{name, {}});
    for (const Value& value : values) {
      if (value.id() < 0 || &value.builder() != this) {
        return fail("{}: parameter {} is not a value of this builder", operation.op->name, name);
      }
      argument.values.push_back(value.id());
    }
  }
  return resolved;
}

Result<std::vector<Value>> Builder::append(std::string_view op, const Arguments& arguments) {
  const OpDef* def = find_op(op, parse_opset(function_.opset).value_or(kNewestOpset));
  if (def == nullptr) return fail("there is no op {}", op);
  Operation operation{def, unique_name(std::string(op)), {}, {}};
  operation.arguments = TRY(resolve(operation, arguments));
  const std::vector<TensorType> types = TRY(inference_.infer(function_, operation));
  std::vector<Value> results;
  for (size_t i = 0; i < types.size(); ++i) {
    const std::string name = types.size() == 1 ? operation.name + "_out" : fmt::format("{}_out{}", operation.name, i);
    results.emplace_back(this, add_value(name, types[i]));
    operation.results.push_back(results.back().id());
  }
  inference_.learn(function_, operation);
  function_.operations.push_back(std::move(operation));
  return results;
}

void Builder::output(const std::string& name, Value value) {
  if (!ok()) return;
  // An output's name is its value's: a value that has a public name already is copied.
  const bool is_public =
      std::ranges::count(function_.inputs, value.id()) + std::ranges::count(function_.outputs, value.id());
  const bool is_const = function_.value(value.id()).constant || function_.value(value.id()).blob;
  if (is_public || is_const) value = apply("identity", {{"x", value}});
  if (!ok()) return;
  if (auto taken = check_public_name("output", name); !taken) return reject(std::move(taken).error());
  names_.insert(name);
  function_.values[static_cast<size_t>(value.id())].name = name;
  function_.outputs.push_back(value.id());
}

Result<Function> Builder::finish() {
  if (error_) return tl::unexpected<Error>(*error_);
  if (function_.outputs.empty()) return fail("function {} has no output", function_.name);
  return std::move(function_);
}

namespace {

Value binary(std::string_view op, Value x, Value y) { return x.builder().apply(op, {{"x", x}, {"y", y}}); }

Value number(Value like, double value) {
  Builder& b = like.builder();
  return b.ok() ? b.constant(Tensor::scalar(like.dtype(), value), "scalar") : Value(&b, -1);
}

Value unary(std::string_view op, Value x) { return x.builder().apply(op, {{"x", x}}); }

Value reduce(std::string_view op, Value x, int64_t axis) {
  return x.builder().apply(op, {{"x", x}, {"axes", Tensor::ints({axis})}, {"keep_dims", Tensor::boolean(true)}});
}

Value product(Value x, Value y, bool transpose_x, bool transpose_y) {
  return x.builder().apply("matmul", {{"x", x},
                                      {"y", y},
                                      {"transpose_x", Tensor::boolean(transpose_x)},
                                      {"transpose_y", Tensor::boolean(transpose_y)}});
}

}  // namespace

Value operator+(Value x, Value y) { return binary("add", x, y); }
Value operator-(Value x, Value y) { return binary("sub", x, y); }
Value operator*(Value x, Value y) { return binary("mul", x, y); }
Value operator/(Value x, Value y) { return binary("real_div", x, y); }
Value operator+(Value x, double y) { return x + number(x, y); }
Value operator-(Value x, double y) { return x - number(x, y); }
Value operator*(Value x, double y) { return x * number(x, y); }
Value operator/(Value x, double y) { return x / number(x, y); }
Value operator-(double x, Value y) { return number(y, x) - y; }
Value operator/(double x, Value y) { return number(y, x) / y; }
Value pow(Value x, Value exponent) { return binary("pow", x, exponent); }
Value pow(Value x, double exponent) { return pow(x, number(x, exponent)); }
Value floor_div(Value x, Value y) { return binary("floor_div", x, y); }
Value maximum(Value x, Value y) { return binary("maximum", x, y); }
Value maximum(Value x, double y) { return maximum(x, number(x, y)); }
Value minimum(Value x, Value y) { return binary("minimum", x, y); }
Value minimum(Value x, double y) { return minimum(x, number(x, y)); }

Value equal(Value x, Value y) { return binary("equal", x, y); }
Value equal(Value x, double y) { return equal(x, number(x, y)); }
Value less(Value x, Value y) { return binary("less", x, y); }
Value less(Value x, double y) { return less(x, number(x, y)); }
Value greater(Value x, double y) { return binary("greater", x, number(x, y)); }
Value greater_equal(Value x, double y) { return binary("greater_equal", x, number(x, y)); }
Value logical_and(Value x, Value y) { return binary("logical_and", x, y); }

Value select(Value cond, Value a, Value b) {
  return cond.builder().apply("select", {{"cond", cond}, {"a", a}, {"b", b}});
}
Value select(Value cond, Value a, double b) { return select(cond, a, number(a, b)); }
Value select(Value cond, double a, Value b) { return select(cond, number(b, a), b); }

Value abs(Value x) { return unary("abs", x); }
Value sign(Value x) { return unary("sign", x); }
Value square(Value x) { return unary("square", x); }
Value exp(Value x) { return unary("exp", x); }
Value sqrt(Value x) { return unary("sqrt", x); }
Value sin(Value x) { return unary("sin", x); }
Value cos(Value x) { return unary("cos", x); }
Value sinh(Value x) { return unary("sinh", x); }
Value cosh(Value x) { return unary("cosh", x); }
Value tanh(Value x) { return unary("tanh", x); }
Value atanh(Value x) { return unary("atanh", x); }
Value erf(Value x) { return unary("erf", x); }
Value relu(Value x) { return unary("relu", x); }
Value sigmoid(Value x) { return unary("sigmoid", x); }
Value softplus(Value x) { return unary("softplus", x); }

Value log(Value x) { return x.builder().apply("log", {{"x", x}, {"epsilon", number(x, 0)}}); }

Value clip(Value x, double low, double high) {
  return x.builder().apply("clip", {{"x", x}, {"alpha", number(x, low)}, {"beta", number(x, high)}});
}

Value softmax(Value x, int64_t axis) {
  return x.builder().apply("softmax", {{"x", x}, {"axis", Tensor::integer(axis)}});
}

Value sum(Value x, int64_t axis) { return reduce("reduce_sum", x, axis); }
Value max(Value x, int64_t axis) { return reduce("reduce_max", x, axis); }

Value conv(Value x, Value w) {
  return x.builder().apply("conv", {{"x", x},
                                    {"weight", w},
                                    {"strides", Tensor::ints({1, 1})},
                                    {"pad_type", Tensor::text("valid")},
                                    {"pad", Tensor::ints({0, 0, 0, 0})},
                                    {"dilations", Tensor::ints({1, 1})},
                                    {"groups", Tensor::integer(1)}});
}

Value matmul(Value x, Value y) { return product(x, y, false, false); }
Value matmul_nt(Value x, Value y) { return product(x, y, false, true); }
Value matmul_tn(Value x, Value y) { return product(x, y, true, false); }

Value reshape(Value x, const Shape& shape) {
  return x.builder().apply("reshape", {{"x", x}, {"shape", Tensor::ints(shape)}});
}

Value transpose(Value x, const std::vector<int64_t>& perm) {
  return x.builder().apply("transpose", {{"x", x}, {"perm", Tensor::ints(perm)}});
}

Value slice(Value x, size_t axis, int64_t begin, int64_t size) {
  std::vector<int64_t> begins(x.shape().size(), 0);
  std::vector<int64_t> sizes(x.shape());
  if (axis >= sizes.size()) {
    x.builder().reject({fmt::format("slice: axis {} is out of range for rank {}", axis, sizes.size())});
    return {&x.builder(), -1};
  }
  begins[axis] = begin;
  sizes[axis] = size;
  return x.builder().apply("slice_by_size", {{"x", x}, {"begin", Tensor::ints(begins)}, {"size", Tensor::ints(sizes)}});
}

Value concat(std::vector<Value> values, int64_t axis) {
  Builder& b = values.at(0).builder();
  return b.apply("concat",
                 {{"values", values}, {"axis", Tensor::integer(axis)}, {"interleave", Tensor::boolean(false)}});
}

Value pad(Value x, std::vector<int64_t> pads, double value) {
  if (std::ranges::all_of(pads, [](int64_t n) { return n == 0; })) return x;
  return x.builder().apply("pad", {{"x", x},
                                   {"pad", Tensor::ints(pads)},
                                   {"mode", Tensor::text("constant")},
                                   {"constant_val", Tensor::scalar(x.dtype(), value)}});
}

Value cast(Value x, DType dtype) {
  if (x.dtype() == dtype) return x;
  return x.builder().apply("cast", {{"x", x}, {"dtype", Tensor::text(to_string(dtype))}});
}

Value fill(Builder& b, const TensorType& type, double value) {
  return b.apply("fill", {{"shape", Tensor::ints(type.shape)}, {"value", Tensor::scalar(type.dtype, value)}});
}

Value matmul(Value x, Value y, bool transpose_x, bool transpose_y) { return product(x, y, transpose_x, transpose_y); }

namespace {

Value reduce(std::string_view op, Value x, const std::vector<int64_t>& axes) {
  return x.builder().apply(op, {{"x", x}, {"axes", Tensor::ints(axes)}, {"keep_dims", Tensor::boolean(true)}});
}

}  // namespace

Value sum(Value x, const std::vector<int64_t>& axes) { return reduce("reduce_sum", x, axes); }
Value mean(Value x, const std::vector<int64_t>& axes) { return reduce("reduce_mean", x, axes); }

}  // namespace anemone::mil
