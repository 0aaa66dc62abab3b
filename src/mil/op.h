// The op table: for each MIL op its parameters, its type rule, its reference evaluation and its gradient, in one entry.
//
//   const OpDef* softmax = find_op("softmax");
//   Result<std::vector<TensorType>> types = check_call(*softmax, arguments);
//
// Adding an op is one entry in a file of src/mil/ops/. The rules are those of coremltools' op definitions.
#pragma once

#include <functional>
#include <initializer_list>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "mil/tensor.h"

namespace anemone::mil {

class OpUse;        // rewrite.h
class GradientUse;  // gradient.h
class Value;        // builder.h

// A set of element types.
class DTypes {
 public:
  constexpr DTypes(std::initializer_list<DType> types) {
    for (DType type : types) bits_ |= bit(type);
  }
  constexpr bool contains(DType type) const { return (bits_ & bit(type)) != 0; }
  constexpr DTypes operator|(DTypes other) const { return DTypes(bits_ | other.bits_); }
  constexpr bool operator==(const DTypes&) const = default;

 private:
  explicit constexpr DTypes(uint32_t bits) : bits_(bits) {}
  static constexpr uint32_t bit(DType type) { return uint32_t{1} << static_cast<uint32_t>(type); }

  uint32_t bits_ = 0;
};
std::string to_string(DTypes types);  // "fp16, fp32 or int32"

inline constexpr DTypes kFloats{DType::fp16, DType::fp32};
inline constexpr DTypes kInt32{DType::int32};
inline constexpr DTypes kNumbers = kFloats | kInt32;
inline constexpr DTypes kBool{DType::boolean};
inline constexpr DTypes kString{DType::string};
inline constexpr DTypes kBytes{DType::int8, DType::uint8};
inline constexpr DTypes kIndices = kInt32 | kBytes | DTypes{DType::int16, DType::uint16};
// What moves without arithmetic: all that a tensor may hold, but strings.
inline constexpr DTypes kAny =
    kNumbers | kBool | kIndices | DTypes{DType::fp64,   DType::bf16,     DType::int4,  DType::int64, DType::uint1,
                                         DType::uint2,  DType::uint3,    DType::uint4, DType::uint6, DType::uint32,
                                         DType::uint64, DType::f8e4m3fn, DType::f8e5m2};

// What must be known of an operand when the program is checked.
enum class Need : uint8_t {
  type,         // never more: the rule and the evaluation read only its type
  nothing,      // it may be computed at run time
  if_constant,  // it may be computed at run time, but where it is constant the rule reads its data
  constant,     // that it is constant; its data may still come from a weight file
  value,        // its data: the rule reads it
};

struct Param {
  std::string_view name;
  DTypes accepts = kAny;
  char letter = 0;  // parameters that share a letter must have the same element type
  Need need = Need::nothing;
  bool tuple = false;                // takes several values: concat's `values`
  std::optional<Tensor> fallback{};  // where it may be left out
  bool optional = false;             // may be left out, without a value in its place
  bool state = false;                // a state, not a tensor
  bool buffer = false;               // a tensor_buffer, not a tensor
  bool number = false;               // a single one

  // An operand computed at run time, one that must be constant, one whose value the rule reads, and one that is a
  // single number of which the rule reads the value.
  static Param operand(std::string_view name, DTypes accepts = kAny, char letter = 0) {
    return {.name = name, .accepts = accepts, .letter = letter};
  }
  static Param weight(std::string_view name, DTypes accepts, char letter = 0) {
    return {.name = name, .accepts = accepts, .letter = letter, .need = Need::constant};
  }
  static Param setting(std::string_view name, DTypes accepts) {
    return {.name = name, .accepts = accepts, .need = Need::value};
  }
  static Param setting(std::string_view name, DTypes accepts, Tensor fallback) {
    const bool is_number = fallback.type().shape.empty() && fallback.type().dtype != DType::string;
    return {
        .name = name, .accepts = accepts, .need = Need::value, .fallback = std::move(fallback), .number = is_number};
  }
  static Param one_number(std::string_view name, DTypes accepts) {
    return {.name = name, .accepts = accepts, .need = Need::value, .number = true};
  }
  Param maybe() const {
    Param copy = *this;
    copy.optional = true;
    return copy;
  }
  Param several() const {
    Param copy = *this;
    copy.tuple = true;
    return copy;
  }
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
    bool fixed = false;                // constant, though its value may not be at hand
  };
  struct Argument {
    std::string name;
    std::vector<Operand> operands;  // one, or several for a tuple
  };

  explicit OpCall(std::vector<Argument> arguments) : arguments_(std::move(arguments)) {}

  bool has(std::string_view name) const { return find(name) != nullptr; }
  std::span<const Operand> operands(std::string_view name) const;
  const TensorType& type(std::string_view name) const { return operands(name)[0].type; }
  const Shape& shape(std::string_view name) const { return type(name).shape; }
  int64_t rank(std::string_view name) const { return static_cast<int64_t>(type(name).shape.size()); }

  // Constants. The checker has ensured that a parameter that needs a value has one.
  const Tensor& constant(std::string_view name) const;
  double number(std::string_view name) const { return constant(name).number(0); }  // of Param::number
  int64_t integer(std::string_view name) const { return static_cast<int64_t>(number(name)); }
  bool flag(std::string_view name) const { return number(name) != 0; }
  std::string_view text(std::string_view name) const { return constant(name).characters(); }
  std::vector<int64_t> integers(std::string_view name) const { return constant(name).integers(); }

  const Array& array(std::string_view name) const { return *operands(name)[0].array; }

 private:
  const Argument* find(std::string_view name) const;

  std::vector<Argument> arguments_;
};

// The opsets that programs name: "ios15" to "ios18", and "ios26".
inline constexpr int kOldestOpset = 15, kNewestOpset = 26;
std::optional<int> parse_opset(std::string_view name);  // "ios18" is 18

struct OpDef {
  using Infer = std::function<Result<std::vector<TensorType>>(const OpCall&)>;
  // Fills the results, which arrive sized and typed by `infer`. Its operands are valid.
  using Evaluate = std::function<void(const OpCall&, std::span<Array> results)>;
  // Adds to the gradients of the operands what flows back from those of the results (gradient.h).
  using Gradient = std::function<void(GradientUse&)>;
  // The same results by simpler ops (rewrite.h); what devices without a kernel of the op run, and what is
  // differentiated where there is no `gradient`.
  using Compose = std::function<std::vector<Value>(OpUse&)>;

  std::string_view name;
  std::vector<Param> params;
  Infer infer;
  Evaluate evaluate;
  Gradient gradient = nullptr;
  Compose compose = nullptr;
  int since = kOldestOpset;       // the opset that brought it, or this form of it
  std::string_view formula = {};  // for docs/ops.md: what it computes, in one line
  std::string_view family = {};   // set by the table

  const Param* param(std::string_view param_name) const;
};

// The newest entry of that name in an opset, or null.
const OpDef* find_op(std::string_view name, int opset = kNewestOpset);
// All entries, by family and then in the order of their files. An op whose form changed has an entry for each.
std::span<const OpDef> all_ops();
// Why an op of Core ML's that the table leaves out is not here ("control flow is not supported"); empty for a word that
// is no op at all.
std::string_view why_unsupported(std::string_view name);

// Checks names, presence, constants and element types of a call against `op`, and adds the fallbacks. In an `open`
// call, one with unknown dimensions, constants are not asked for.
Result<> check_arguments(const OpDef& op, std::vector<OpCall::Argument>& arguments, bool open = false);
// The same, then infers the types of the results.
Result<std::vector<TensorType>> check_call(const OpDef& op, std::vector<OpCall::Argument>& arguments);

// A negative axis counts from the end; an error names the op where it is out of range.
Result<int64_t> normalize_axis(std::string_view op, int64_t axis, int64_t rank);
// Aligned right, dimensions equal or 1.
Result<Shape> broadcast(std::string_view op, const Shape& a, const Shape& b);

}  // namespace anemone::mil
