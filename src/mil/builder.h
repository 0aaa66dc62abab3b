// Writes MIL as formulas.
//
//   Builder b("main");
//   Value x = b.input("x", {DType::fp16, {1, 768, 1, 256}});
//   Value w = b.weight("wq", {DType::fp16, {768, 768, 1, 1}});
//   b.output("y", conv(x, w) * 0.125);
//   Result<Function> f = b.finish();
//
// Shapes are inferred at each call; names and constants are automatic. The first error sticks: later calls do nothing
// and finish() returns it. A Value belongs to its Builder, which must outlive it and stay where it is.
#pragma once

#include <map>
#include <set>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "mil/inference.h"

namespace anemone::mil {

class Builder;

// A handle to a value under construction; invalid once the builder holds an error.
class Value {
 public:
  Value() = default;
  Value(Builder* builder, ValueId id) : builder_(builder), id_(id) {}

  Builder& builder() const { return *builder_; }
  ValueId id() const { return id_; }
  TensorType type() const;  // a copy: the builder's own moves as it grows
  DType dtype() const { return type().dtype; }
  Shape shape() const { return type().shape; }
  int64_t dim(size_t axis) const;  // 1 where the value is invalid or of lower rank

 private:
  Builder* builder_ = nullptr;
  ValueId id_ = -1;
};

class Builder {
 public:
  // What an argument may be: a value, a tuple of values, or a constant to be named and written out.
  using Given = std::variant<Value, std::vector<Value>, Tensor>;
  using Arguments = std::vector<std::pair<std::string, Given>>;

  explicit Builder(std::string name = "main", std::string opset = "ios18");
  Builder(const Builder&) = delete;
  Builder& operator=(const Builder&) = delete;

  // Inputs and outputs keep their names, which must be identifiers; other names become identifiers of the text.
  Value input(const std::string& name, TensorType type);
  // An immediate constant; equal ones are written once.
  Value constant(const Tensor& tensor, const std::string& name = "const");
  // A constant in a weight file of its own: BLOBFILE(@model_path/weights/NAME.bin, 64).
  Value weight(const std::string& name, TensorType type);
  Value weight(const std::string& name, TensorType type, BlobReference reference);

  Value apply(std::string_view op, const Arguments& arguments);
  std::vector<Value> apply_all(std::string_view op, const Arguments& arguments);
  void output(const std::string& name, Value value);

  // Records an error, unless one is held already.
  void reject(Error error);
  bool ok() const { return !error_; }
  Result<Function> finish();

  const TensorType& type(ValueId id) const;

 private:
  std::string unique_name(std::string wanted);
  Result<> check_public_name(std::string_view what, const std::string& name) const;
  ValueId add_value(const std::string& name, TensorType type);
  Value add_const(ValueInfo info);
  Result<std::vector<Argument>> resolve(const Operation& operation, const Arguments& arguments);
  Result<std::vector<Value>> append(std::string_view op, const Arguments& arguments);

  Function function_;
  std::optional<Error> error_;
  std::map<std::string, int> next_suffix_;
  std::set<std::string> names_;
  std::vector<ValueId> immediates_;  // the constants written so far
  Inference inference_;
};

// The path of the weight file that Builder::weight(name) refers to.
BlobReference weight_file(const std::string& name);

// ---- Formulas. Elementwise operations broadcast; a number takes the element type of the other operand.

Value operator+(Value x, Value y);
Value operator-(Value x, Value y);
Value operator*(Value x, Value y);
Value operator/(Value x, Value y);
Value operator+(Value x, double y);
Value operator-(Value x, double y);
Value operator*(Value x, double y);
Value operator/(Value x, double y);
Value operator-(double x, Value y);
Value operator/(double x, Value y);
inline Value operator+(double x, Value y) { return y + x; }
inline Value operator*(double x, Value y) { return y * x; }
inline Value operator-(Value x) { return x * -1.0; }
Value pow(Value x, Value exponent);
Value pow(Value x, double exponent);
Value floor_div(Value x, Value y);
Value maximum(Value x, Value y);
Value maximum(Value x, double y);
Value minimum(Value x, Value y);
Value minimum(Value x, double y);

// Comparisons give bools; `select` reads them.
Value equal(Value x, Value y);
Value equal(Value x, double y);
Value less(Value x, Value y);
Value less(Value x, double y);
Value greater(Value x, double y);
Value greater_equal(Value x, double y);
Value logical_and(Value x, Value y);
Value select(Value cond, Value a, Value b);
Value select(Value cond, Value a, double b);
Value select(Value cond, double a, Value b);

Value abs(Value x);
Value sign(Value x);
Value square(Value x);
Value exp(Value x);
Value log(Value x);  // without an epsilon
Value sqrt(Value x);
Value sin(Value x);
Value cos(Value x);
Value sinh(Value x);
Value cosh(Value x);
Value tanh(Value x);
Value atanh(Value x);
Value erf(Value x);
Value clip(Value x, double low, double high);
Value relu(Value x);
Value sigmoid(Value x);
Value softplus(Value x);
Value softmax(Value x, int64_t axis);
Value sum(Value x, int64_t axis);  // keeps the dimension, as 1
Value max(Value x, int64_t axis);  // likewise

// 1×1 convolution: x [n, Ci, 1, S], w [Co, Ci, 1, 1] → [n, Co, 1, S]; y[o, s] = Σ_i w[o, i]·x[i, s].
Value conv(Value x, Value w);
Value matmul(Value x, Value y);     // [.., m, k] · [.., k, n]
Value matmul_nt(Value x, Value y);  // x · yᵀ
Value matmul_tn(Value x, Value y);  // xᵀ · y
Value matmul(Value x, Value y, bool transpose_x, bool transpose_y);

Value reshape(Value x, const Shape& shape);
Value transpose(Value x, const std::vector<int64_t>& perm);
Value slice(Value x, size_t axis, int64_t begin, int64_t size);
Value concat(std::vector<Value> values, int64_t axis);
Value cast(Value x, DType dtype);                              // x itself where it has that type
Value fill(Builder& b, const TensorType& type, double value);  // a constant tensor of one value
// `pads` holds (before, after) for each of the last dimensions; x itself where all are 0.
Value pad(Value x, std::vector<int64_t> pads, double value);

// These keep the dimensions too.
Value sum(Value x, const std::vector<int64_t>& axes);
Value mean(Value x, const std::vector<int64_t>& axes);

}  // namespace anemone::mil
