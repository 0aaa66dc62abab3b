#include "mil/op.h"

#include <algorithm>
#include <array>

#include "base/check.h"
#include "mil/ops/families.h"

namespace anemone::mil {
namespace {

std::vector<OpDef> build_table() {
  std::vector<OpDef> table;
  for (auto* family : {&elementwise_ops, &activation_ops, &product_ops, &reduction_ops, &shape_ops}) {
    for (OpDef& op : (*family)()) table.push_back(std::move(op));
  }
  return table;
}

bool accepts(Accepts kind, DType dtype) {
  switch (kind) {
    case Accepts::any:
      return dtype != DType::string;
    case Accepts::number:
      return accepts(Accepts::floating, dtype) || dtype == DType::int32;
    case Accepts::floating:
      return dtype == DType::fp16 || dtype == DType::fp32;
    case Accepts::int32:
      return dtype == DType::int32;
    case Accepts::boolean:
      return dtype == DType::boolean;
    case Accepts::string:
      return dtype == DType::string;
  }
  return false;
}

std::string_view describe(Accepts kind) {
  switch (kind) {
    case Accepts::any:
      return "numbers or bool";
    case Accepts::number:
      return "fp16, fp32 or int32";
    case Accepts::floating:
      return "fp16 or fp32";
    case Accepts::int32:
      return "int32";
    case Accepts::boolean:
      return "bool";
    case Accepts::string:
      return "string";
  }
  return "";
}

const OpCall::Argument* find_argument(const std::vector<OpCall::Argument>& arguments, std::string_view name) {
  const auto found = std::ranges::find(arguments, name, &OpCall::Argument::name);
  return found == arguments.end() ? nullptr : &*found;
}

Result<> check_operands(const OpDef& op, const Param& param, const OpCall::Argument& argument) {
  if (argument.operands.empty() || (!param.tuple && argument.operands.size() > 1)) {
    return fail("{}: parameter {} takes {}", op.name, param.name, param.tuple ? "at least one value" : "one value");
  }
  for (const OpCall::Operand& operand : argument.operands) {
    if (!accepts(param.accepts, operand.type.dtype)) {
      return fail("{}: parameter {} is {}, expected {}", op.name, param.name, to_string(operand.type),
                  describe(param.accepts));
    }
    if (param.constant && operand.constant == nullptr) {
      return fail("{}: parameter {} must be a constant", op.name, param.name);
    }
  }
  return {};
}

// Parameters of one letter agree; `seen` holds the first operand type of each letter.
Result<> check_letters(const OpDef& op, const std::vector<OpCall::Argument>& arguments) {
  std::array<const TensorType*, 128> seen{};
  for (const Param& param : op.params) {
    const OpCall::Argument* argument = find_argument(arguments, param.name);
    if (param.letter == 0 || argument == nullptr) continue;
    for (const OpCall::Operand& operand : argument->operands) {
      const TensorType*& first = seen[static_cast<size_t>(param.letter)];
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

const OpDef* find_op(std::string_view name) {
  const auto ops = all_ops();
  const auto found = std::ranges::find(ops, name, &OpDef::name);
  return found == ops.end() ? nullptr : &*found;
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

Result<std::vector<TensorType>> check_call(const OpDef& op, std::vector<OpCall::Argument>& arguments) {
  for (const OpCall::Argument& argument : arguments) {
    if (op.param(argument.name) == nullptr) return fail("{}: there is no parameter {}", op.name, argument.name);
  }
  for (const Param& param : op.params) {
    if (const OpCall::Argument* argument = find_argument(arguments, param.name)) {
      TRY(check_operands(op, param, *argument));
    } else if (param.fallback) {
      arguments.push_back({std::string(param.name), {{param.fallback->type(), &*param.fallback}}});
    } else if (!param.optional) {
      return fail("{}: parameter {} is missing", op.name, param.name);
    }
  }
  TRY(check_letters(op, arguments));
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
