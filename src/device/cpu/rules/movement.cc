// Ops that move data without arithmetic: views where the layout allows, copies where it does not.
#include "device/cpu/lowering.h"

namespace anemone::cpu {
namespace {

Result<> lower_identity(Lowering& l, const Node& node) {
  l.define(node.result(), l.read(node.operand("x")));
  return {};
}

Result<> lower_reshape(Lowering& l, const Node& node) {
  const mil::Shape& shape = l.shape(node.result());
  auto view = reshaped(l.read(node.operand("x")), shape);
  if (!view) view = reshaped(l.read_packed(node.operand("x")), shape);
  l.define(node.result(), *view);
  return {};
}

std::vector<int64_t> permutation(const Node& node) {
  std::vector<int64_t> perm = node.call.integers("perm");
  for (int64_t& axis : perm) axis += axis < 0 ? int64_t(perm.size()) : 0;
  return perm;
}

std::vector<int64_t> inverse(const std::vector<int64_t>& perm) {
  std::vector<int64_t> back(perm.size());
  for (size_t i = 0; i < perm.size(); ++i) back[size_t(perm[i])] = int64_t(i);
  return back;
}

Result<> lower_transpose(Lowering& l, const Node& node) {
  l.define(node.result(), permuted(l.read(node.operand("x")), permutation(node)));
  return {};
}

View slice_of(View view, const Node& node, const mil::Shape& shape) {
  const std::vector<int64_t> begin = node.call.integers("begin");
  for (size_t d = 0; d < shape.size(); ++d) {
    view = sliced(std::move(view), d, begin[d] < 0 ? begin[d] + view.shape[d] : begin[d], shape[d]);
  }
  return view;
}

// Of a 16-bit input only the slice is converted.
Result<> lower_slice(Lowering& l, const Node& node) {
  const mil::ValueId x = node.operand("x");
  const mil::Shape& shape = l.shape(node.result());
  if (const auto raw = l.raw_input(x)) {
    const View result = l.place(node.result());
    l.emit_widen(slice_of(*raw, node, shape), node.call.type("x").dtype, result);
    l.define(node.result(), result);
  } else {
    l.define(node.result(), slice_of(l.read(x), node, shape));
  }
  return {};
}

// Each operand that does not stand in its part of the result yet is copied there.
Result<> lower_concat(Lowering& l, const Node& node) {
  const View result = l.home(node.result());
  const std::vector<View> parts = concat_parts(node, result);
  for (size_t i = 0; i < parts.size(); ++i) {
    const View from = l.read(node.operand("values", i));
    if (!same_place(from, parts[i])) l.emit_copy(from, parts[i]);
  }
  l.define(node.result(), result);
  return {};
}

std::optional<View> pull_through_reshape(const Node&, const mil::Shape& x, const View& home) {
  return reshaped(home, x);
}

}  // namespace

std::vector<View> concat_parts(const Node& node, const View& home) {
  const auto values = node.call.operands("values");
  const auto rank = int64_t(home.shape.size());
  const int64_t given = node.call.integer("axis");
  const auto axis = size_t(given < 0 ? given + rank : given);
  const bool interleave = node.call.flag("interleave");
  std::vector<View> parts;
  int64_t begin = 0;
  for (const mil::OpCall::Operand& value : values) {
    const int64_t size = value.type.shape[axis];
    parts.push_back(sliced(home, axis, begin, size, interleave ? int64_t(values.size()) : 1));
    begin += interleave ? 1 : size;
  }
  return parts;
}

std::vector<Rule> movement_rules() {
  return {
      {"identity", lower_identity, pull_through_reshape},
      {"reshape", lower_reshape, pull_through_reshape},
      {"transpose", lower_transpose,
       [](const Node& node, const mil::Shape&, const View& home) -> std::optional<View> {
         return permuted(home, inverse(permutation(node)));
       }},
      {"slice_by_size", lower_slice},
      {"concat", lower_concat},
  };
}

}  // namespace anemone::cpu
