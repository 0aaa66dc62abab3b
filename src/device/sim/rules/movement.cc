// Ops that move data without arithmetic: views where the layout allows; else copies, of patterns.
#include "device/parts.h"
#include "device/sim/arithmetic/number.h"
#include "device/sim/lowering.h"
#include "device/slices.h"

namespace anemone::sim {
namespace {

Result<> lower_identity(Lowering& l, const Node& node) {
  l.define(node.result(), l.read(node.operand("x")));
  return {};
}

// A copy, which a later write leaves alone.
Result<> lower_read_state(Lowering& l, const Node& node) {
  l.emit_copy(l.read(node.operand("input")), l.result(node.result()));
  return {};
}

Result<> lower_write_state(Lowering& l, const Node& node) {
  l.emit_copy(l.read(node.operand("data")), l.read(node.operand("input")));
  return {};
}

Result<> lower_reshape(Lowering& l, const Node& node) {
  const mil::Shape& shape = l.shape(node.result());
  auto view = reshaped(l.read(node.operand("x")), shape);
  if (!view) view = reshaped(l.read_packed(node.operand("x")), shape);
  l.define(node.result(), *view);
  return {};
}

Result<> lower_transpose(Lowering& l, const Node& node) {
  l.define(node.result(), permuted(l.read(node.operand("x")), permutation(node.call)));
  return {};
}

Result<> lower_pattern(Lowering& l, const Node& node) {
  l.emit_reference(*node.operation, Lowering::Meaning::patterns);
  return {};
}

Result<> lower_slice(Lowering& l, const Node& node) {
  const mil::Tensor* begin = l.constant(node.operand("begin"));
  if (begin == nullptr) return lower_pattern(l, node);
  const mil::Shape& shape = l.shape(node.result());
  const View slice = slice_of(l.read(node.operand("x")), cuts_of(node.call, shape), *begin);
  l.define(node.result(), *reshaped(slice, shape));
  return {};
}

Result<> lower_split(Lowering& l, const Node& node) {
  const auto& results = node.operation->results;
  const auto parts =
      split_parts(node.call, l.read(node.operand("x")), results.size(), [&](size_t i) { return l.shape(results[i]); });
  for (size_t i = 0; i < parts.size(); ++i) l.define(results[i], parts[i]);
  return {};
}

Result<> lower_concat(Lowering& l, const Node& node) {
  const auto parts = concat_parts(node.call, l.result(node.result()));
  for (size_t i = 0; i < parts.size(); ++i) l.emit_copy(l.read(node.operand("values", i)), parts[i]);
  return {};
}

Result<> lower_pad(Lowering& l, const Node& node) {
  if (node.call.text("mode") != "constant") return lower_pattern(l, node);
  const View x = l.read(node.operand("x")), result = l.result(node.result());
  const View value = l.constant_view({half_away(node.call.number("constant_val"))}, {1});
  const std::vector<int64_t> pad = node.call.integers("pad");
  View inside = result;
  for (size_t i = 0; i < pad.size() / 2; ++i) {
    const size_t d = x.shape.size() - pad.size() / 2 + i;
    inside = sliced(std::move(inside), d, pad[2 * i], x.shape[d]);
  }
  l.emit_copy(broadcast_to(value, result.shape), result);
  l.emit_copy(x, inside);
  return {};
}

}  // namespace

std::vector<Rule> movement_rules() {
  std::vector<Rule> rules{{"read_state", lower_read_state},
                          {"write_state", lower_write_state},
                          {"identity", lower_identity},
                          {"reshape", lower_reshape},
                          {"expand_dims", lower_reshape},
                          {"squeeze", lower_reshape},
                          {"flatten2d", lower_reshape},
                          {"transpose", lower_transpose},
                          {"slice_by_index", lower_slice},
                          {"slice_by_size", lower_slice},
                          {"split", lower_split},
                          {"concat", lower_concat},
                          {"pad", lower_pad}};
  for (std::string_view op :
       {"tile", "reverse", "reverse_sequence", "stack", "crop", "depth_to_space", "space_to_depth", "pixel_shuffle",
        "pixel_unshuffle", "space_to_batch", "batch_to_space", "slice_update", "gather", "gather_along_axis",
        "gather_nd", "upsample_nearest_neighbor", "resize_nearest_neighbor"}) {
    rules.push_back({op, lower_pattern});
  }
  return rules;
}

}  // namespace anemone::sim
