// The op table: for each MIL op its parameters, its type rule and its reference evaluation, in one entry.
//
//   const OpDef* softmax = find_op("softmax");
//   Result<std::vector<TensorType>> types = softmax->infer(call);
//
// Adding an op is one entry in a file of src/mil/ops/. The rules are those of coremltools' op definitions.
#pragma once

#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "mil/tensor.h"

namespace anemone::mil {

// The element types that a parameter takes: `any` is numbers and bool, `floating` fp16 and fp32, `number` int32 as
// well.
enum class Accepts { any, number, floating, int32, boolean, string };

struct Param {
  std::string_view name;
  Accepts accepts = Accepts::any;
  char letter = 0;                   // parameters that share a letter must have the same element type
  bool constant = false;             // must be known when the program is compiled
  bool tuple = false;                // takes several values: concat's `values`
  std::optional<Tensor> fallback{};  // where it may be left out
  bool optional = false;             // may be left out, without a value in its place
};

// A tensor of the reference evaluation: packed, in double precision whatever the declared element type.
struct Array {
  TensorType type;
  std::vector<double> data;
};

// One use of an op, as its rules see it: types always, constants where known, arrays during evaluation.
class OpCall {
 public:
  struct Operand {
    TensorType type;
    const Tensor* constant = nullptr;  // set where the value is known
    const Array* array = nullptr;      // set during evaluation
  };
  struct Argument {
    std::string name;
    std::vector<Operand> operands;  // one, or several for a tuple
  };

  explicit OpCall(std::vector<Argument> arguments) : arguments_(std::move(arguments)) {}

  bool has(std::string_view name) const { return find(name) != nullptr; }
  std::span<const Operand> operands(std::string_view name) const;
  const TensorType& type(std::string_view name) const { return operands(name)[0].type; }
  int64_t rank(std::string_view name) const { return static_cast<int64_t>(type(name).shape.size()); }

  // Constants. The checker has ensured that a parameter marked `constant` has one.
  const Tensor& constant(std::string_view name) const;
  double number(std::string_view name) const { return constant(name).number(0); }
  int64_t integer(std::string_view name) const { return static_cast<int64_t>(number(name)); }
  bool flag(std::string_view name) const { return number(name) != 0; }
  std::string_view text(std::string_view name) const { return constant(name).characters(); }
  std::vector<int64_t> integers(std::string_view name) const { return constant(name).integers(); }

  const Array& array(std::string_view name) const { return *operands(name)[0].array; }

 private:
  const Argument* find(std::string_view name) const;

  std::vector<Argument> arguments_;
};

struct OpDef {
  using Infer = std::function<Result<std::vector<TensorType>>(const OpCall&)>;
  // Fills the results, which arrive sized and typed by `infer`.
  using Evaluate = std::function<void(const OpCall&, std::span<Array> results)>;

  std::string_view name;
  std::vector<Param> params;
  Infer infer;
  Evaluate evaluate;

  const Param* param(std::string_view param_name) const;
};

// The entry of that name, or null.
const OpDef* find_op(std::string_view name);
// All entries, by family and then in the order of their files.
std::span<const OpDef> all_ops();

// Checks names, presence, constants and element types of a call against `op`, adds the fallbacks, then infers.
Result<std::vector<TensorType>> check_call(const OpDef& op, std::vector<OpCall::Argument>& arguments);

// A negative axis counts from the end; an error names the op where it is out of range.
Result<int64_t> normalize_axis(std::string_view op, int64_t axis, int64_t rank);
// Aligned right, dimensions equal or 1.
Result<Shape> broadcast(std::string_view op, const Shape& a, const Shape& b);

}  // namespace anemone::mil
