// Ops that take parts of a tensor or replace them: views where they begin at constants, else copies.
#include <numeric>

#include "device/cpu/kernels/copy.h"
#include "device/cpu/kernels/words.h"
#include "device/cpu/lowering.h"
#include "device/slices.h"

namespace anemone::cpu {
namespace {

// Copies between a slice of `whole`, which begins where `begin` says at run time, and `part`.
enum class Direction : uint8_t { take, put };
void emit_moving_copy(Lowering& l, Direction direction, const View& whole, const Cuts& cuts, mil::ValueId begin,
                      const View& part) {
  const View slice = slice_of(whole, cuts), at = l.read_packed(begin), shaped = *reshaped(part, slice.shape);
  const bool put = direction == Direction::put;
  const Loops loops = put ? loops_over({&slice, &shaped}) : loops_over({&shaped, &slice});
  l.emit({whole, at, part}, [=](const Pointers& p) {
    const float* begins = p.at(at);
    float* moved = p.at(slice) + offset_of(whole, cuts, [&](size_t d) { return integer(begins[d]); });
    put ? copy(loops, moved, p.at(shaped)) : copy(loops, p.at(shaped), moved);
  });
}

// Of an input narrower than words only the slice is converted, and only where it is read as words.
Result<> lower_slice(Lowering& l, const Node& node) {
  const mil::ValueId x = node.operand("x"), begin = node.operand("begin"), result = node.result();
  const mil::Shape& shape = l.shape(result);
  const Cuts cuts = cuts_of(node.call, shape);
  const mil::Tensor* known = l.constant(begin);
  if (known == nullptr) {
    const View part = l.temporary(shape);
    emit_moving_copy(l, Direction::take, l.read(x), cuts, begin, part);
    l.define(result, part);
  } else if (const auto raw = l.raw_elements(x)) {
    l.define_raw(result, *reshaped(slice_of(*raw, cuts, *known), shape));
  } else {
    l.define(result, *reshaped(slice_of(l.read(x), cuts, *known), shape));
  }
  return {};
}

Result<> lower_slice_update(Lowering& l, const Node& node) {
  const mil::ValueId begin = node.operand("begin"), update = node.operand("update");
  const View x = l.read(node.operand("x")), from = l.read_packed(update), result = l.target(node.result());
  const Cuts cuts = cuts_of(node.call, l.shape(update));
  l.emit_copy(x, result);
  if (const mil::Tensor* known = l.constant(begin)) {
    const View part = slice_of(result, cuts, *known);
    l.emit_copy(*reshaped(from, part.shape), part);
  } else {
    emit_moving_copy(l, Direction::put, result, cuts, begin, from);
  }
  l.define(node.result(), result);
  return {};
}

// Views of x one after another along the axis.
Result<> lower_split(Lowering& l, const Node& node) {
  const auto& results = node.operation->results;
  const auto parts =
      split_parts(node.call, l.read(node.operand("x")), results.size(), [&](size_t i) { return l.shape(results[i]); });
  for (size_t i = 0; i < parts.size(); ++i) l.define(results[i], parts[i]);
  return {};
}

// x backwards along the axes, all where none are named.
Result<> lower_reverse(Lowering& l, const Node& node) {
  View x = l.read(node.operand("x"));
  std::vector<int64_t> axes(x.shape.size());
  std::iota(axes.begin(), axes.end(), 0);
  if (node.call.has("axes")) axes = node.call.integers("axes");
  for (int64_t axis : axes) {
    const auto d = size_t(axis < 0 ? axis + int64_t(x.shape.size()) : axis);
    const int64_t size = x.shape[d];
    x = sliced(std::move(x), d, size - 1, size, -1);
  }
  l.define(node.result(), x);
  return {};
}

Rule slicing(std::string_view name, Result<> (*lower)(Lowering&, const Node&)) {
  return {.op = name, .lower = lower, .takes = kWords, .renames = true};
}

}  // namespace

std::vector<Rule> slicing_rules() {
  return {
      slicing("slice_by_size", lower_slice),
      slicing("slice_by_index", lower_slice),
      slicing("split", lower_split),
      slicing("reverse", lower_reverse),
      {.op = "slice_update", .lower = lower_slice_update, .takes = kWords},
  };
}

}  // namespace anemone::cpu
