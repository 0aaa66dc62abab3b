#include "mil/op.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <unordered_map>

#include "base/check.h"
#include "mil/ops/families.h"

namespace anemone::mil {
namespace {

// In the order in which messages name them.
constexpr std::array kDTypeList{DType::fp16,    DType::fp32,  DType::fp64,   DType::bf16,   DType::f8e4m3fn,
                                DType::f8e5m2,  DType::int32, DType::int4,   DType::int8,   DType::int16,
                                DType::int64,   DType::uint1, DType::uint2,  DType::uint3,  DType::uint4,
                                DType::uint6,   DType::uint8, DType::uint16, DType::uint32, DType::uint64,
                                DType::boolean, DType::string};

struct Family {
  std::string_view title;
  std::vector<OpDef> (*ops)();
};

// In the order of docs/ops.md.
constexpr std::array kFamilies{
    Family{"Elementwise", elementwise_ops},
    Family{"Activations", activation_ops},
    Family{"Convolution", convolution_ops},
    Family{"Matrix products", product_ops},
    Family{"Pooling", pooling_ops},
    Family{"Normalisation", norm_ops},
    Family{"Reductions", reduction_ops},
    Family{"Constants, casts and shapes", shape_ops},
    Family{"Movement", movement_ops},
    Family{"Joining and parting", joining_ops},
    Family{"Depth, space and batch", space_ops},
    Family{"Slices", slicing_ops},
    Family{"Gather and scatter", gather_ops},
    Family{"Sorting", sort_ops},
    Family{"Filling", fill_ops},
    Family{"Resizing", image_ops},
    Family{"Sampling", sampling_ops},
    Family{"Recurrent layers", recurrent_ops},
    Family{"Quantisation", quantization_ops},
    Family{"Compressed constants", constexpr_ops},
    Family{"States and buffers", state_ops},
};

std::vector<OpDef> build_table() {
  std::vector<OpDef> table;
  for (const Family& family : kFamilies) {
    for (OpDef& op : family.ops()) {
      op.family = family.title;
      table.push_back(std::move(op));
    }
  }
  return table;
}

// Of one parameter: shapes, axes, sizes. Every use of a constant reads it anew.
constexpr int64_t kMostSettings = 4096;

const OpCall::Argument* find_argument(const std::vector<OpCall::Argument>& arguments, std::string_view name) {
  const auto found = std::ranges::find(arguments, name, &OpCall::Argument::name);
  return found == arguments.end() ? nullptr : &*found;
}

Result<> check_operands(const OpDef& op, const Param& param, const OpCall::Argument& argument, bool open) {
  if (argument.operands.empty() || (!param.tuple && argument.operands.size() > 1)) {
    return fail("{}: parameter {} takes {}", op.name, param.name, param.tuple ? "at least one value" : "one value");
  }
  for (const OpCall::Operand& operand : argument.operands) {
    if (!param.accepts.contains(operand.type.dtype)) {
      return fail("{}: parameter {} is {}, expected {}", op.name, param.name, to_string(operand.type),
                  to_string(param.accepts));
    }
    if (operand.type.state != param.state || operand.type.buffer.has_value() != param.buffer) {
      return fail("{}: parameter {} is {}, expected a {}", op.name, param.name, to_string(operand.type),
                  param.state    ? "state"
                  : param.buffer ? "tensor_buffer"
                                 : "tensor");
    }
    if (open) continue;
    if (param.number && operand.type.count() != 1) {
      return fail("{}: parameter {} is {}, expected one number", op.name, param.name, to_string(operand.type));
    }
    if (param.need == Need::value && operand.type.count() > kMostSettings) {
      return fail("{}: parameter {} is {}, expected at most {} numbers", op.name, param.name, to_string(operand.type),
                  kMostSettings);
    }
    if (param.need >= Need::constant && !operand.fixed) {
      return fail("{}: parameter {} must be a constant", op.name, param.name);
    }
    if (param.need == Need::value && operand.constant == nullptr) {
      return fail(
          "{}: the value of parameter {} is not at hand: its weight file is missing, or it is too large to be "
          "worked out while the program is checked",
          op.name, param.name);
    }
  }
  return {};
}

// Parameters of one letter agree; `seen` holds the first operand type of each letter.
Result<> check_letters(const OpDef& op, const std::vector<OpCall::Argument>& arguments) {
  std::array<const TensorType*, 256> seen{};
  for (const Param& param : op.params) {
    const OpCall::Argument* argument = find_argument(arguments, param.name);
    if (param.letter == 0 || argument == nullptr) continue;
    for (const OpCall::Operand& operand : argument->operands) {
      const TensorType*& first = seen[static_cast<unsigned char>(param.letter)];
      if (first == nullptr) first = &operand.type;
      if (first->dtype != operand.type.dtype) {
        return fail("{}: parameter {} is {}, but must have the element type {} of the others", op.name, param.name,
                    to_string(operand.type), to_string(first->dtype));
      }
    }
  }
  return {};
}

}  // namespace

std::span<const OpDef> all_ops() {
  static const std::vector<OpDef> table = build_table();
  return table;
}

const OpDef* find_op(std::string_view name, int opset) {
  static const std::unordered_multimap<std::string_view, const OpDef*> index = [] {
    std::unordered_multimap<std::string_view, const OpDef*> entries;
    for (const OpDef& op : all_ops()) entries.emplace(op.name, &op);
    return entries;
  }();
  const OpDef* newest = nullptr;
  const auto [begin, end] = index.equal_range(name);
  for (auto entry = begin; entry != end; ++entry) {
    const OpDef* op = entry->second;
    if (op->since <= opset && (newest == nullptr || op->since > newest->since)) newest = op;
  }
  return newest;
}

std::optional<int> parse_opset(std::string_view name) {
  for (int opset : {15, 16, 17, 18, 26}) {
    if (name == fmt::format("ios{}", opset)) return opset;
  }
  return std::nullopt;
}

std::string_view why_unsupported(std::string_view name) {
  if (name == "cond" || name == "while_loop") return "control flow is not supported";
  if (name == "classify") return "classifiers are not supported";
  if (name == "conv_quantized") return "it is experimental; use constexpr ops and conv";
  if (name == "non_maximum_suppression") return "the size of its result depends on data";
  if (name.starts_with("random_")) return "random numbers are not supported";
  if (name.starts_with("list_") || name == "make_list") return "lists are not supported";
  return {};
}

std::string to_string(DTypes types) {
  if (types == kAny) return "numbers or bool";
  std::vector<std::string_view> names;
  for (DType type : kDTypeList) {
    if (types.contains(type)) names.push_back(to_string(type));
  }
  const std::string_view last = names.back();
  names.pop_back();
  return names.empty() ? std::string(last) : fmt::format("{} or {}", fmt::join(names, ", "), last);
}

const Param* OpDef::param(std::string_view param_name) const {
  const auto found = std::ranges::find(params, param_name, &Param::name);
  return found == params.end() ? nullptr : &*found;
}

const OpCall::Argument* OpCall::find(std::string_view name) const { return find_argument(arguments_, name); }

std::span<const OpCall::Operand> OpCall::operands(std::string_view name) const {
  const Argument* argument = find(name);
  CHECK(argument != nullptr);
  return argument->operands;
}

const Tensor& OpCall::constant(std::string_view name) const {
  const Operand& operand = operands(name)[0];
  CHECK(operand.constant != nullptr);
  return *operand.constant;
}

Result<> check_arguments(const OpDef& op, std::vector<OpCall::Argument>& arguments, bool open) {
  for (const OpCall::Argument& argument : arguments) {
    if (op.param(argument.name) == nullptr) return fail("{}: there is no parameter {}", op.name, argument.name);
  }
  for (const Param& param : op.params) {
    if (const OpCall::Argument* argument = find_argument(arguments, param.name)) {
      TRY(check_operands(op, param, *argument, open));
    } else if (param.fallback) {
      arguments.push_back(
          {std::string(param.name), {{.type = param.fallback->type(), .constant = &*param.fallback, .fixed = true}}});
    } else if (!param.optional) {
      return fail("{}: parameter {} is missing", op.name, param.name);
    }
  }
  return check_letters(op, arguments);
}

Result<std::vector<TensorType>> check_call(const OpDef& op, std::vector<OpCall::Argument>& arguments) {
  TRY(check_arguments(op, arguments));
  std::vector<TensorType> results = TRY(op.infer(OpCall(arguments)));
  for (const TensorType& type : results) {
    if (const auto bytes = checked_bytes(type); !bytes) return fail("{}: {}", op.name, bytes.error().message);
  }
  return results;
}

Result<int64_t> normalize_axis(std::string_view op, int64_t axis, int64_t rank) {
  if (axis < -rank || axis >= rank) return fail("{}: axis {} is out of range for rank {}", op, axis, rank);
  return axis < 0 ? axis + rank : axis;
}

Result<Shape> broadcast(std::string_view op, const Shape& a, const Shape& b) {
  Shape shape(std::max(a.size(), b.size()));
  for (size_t i = 0; i < shape.size(); ++i) {  // from the innermost dimension
    const int64_t da = i < a.size() ? a[a.size() - 1 - i] : 1;
    const int64_t db = i < b.size() ? b[b.size() - 1 - i] : 1;
    if (da != db && da != 1 && db != 1) {
      return fail("{}: shapes {} and {} do not broadcast", op, to_string(a), to_string(b));
    }
    shape[shape.size() - 1 - i] = da == 1 ? db : da;
  }
  return shape;
}

}  // namespace anemone::mil
