// Ops that move data without arithmetic: views where the layout allows, copies where it does not.
#include "device/cpu/kernels/copy.h"
#include "device/cpu/lowering.h"

namespace anemone::cpu {
namespace {

View without(View view, size_t axis) {
  view.shape.erase(view.shape.begin() + int64_t(axis));
  view.strides.erase(view.strides.begin() + int64_t(axis));
  return view;
}

Result<> lower_identity(Lowering& l, const Node& node) {
  l.define(node.result(), l.read(node.operand("x")));
  return {};
}

// An input narrower than words stays so where nothing else will widen it.
Result<> lower_reshape(Lowering& l, const Node& node) {
  const mil::ValueId x = node.operand("x");
  const mil::Shape& shape = l.shape(node.result());
  if (const auto raw = l.raw_elements(x); raw && l.is_last_use(x)) {
    if (const auto view = reshaped(*raw, shape)) {
      l.define_raw(node.result(), *view);
      return {};
    }
  }
  auto view = reshaped(l.read(x), shape);
  if (!view) view = reshaped(l.read_packed(x), shape);
  l.define(node.result(), *view);
  return {};
}

std::vector<int64_t> inverse(const std::vector<int64_t>& perm) {
  std::vector<int64_t> back(perm.size());
  for (size_t i = 0; i < perm.size(); ++i) back[size_t(perm[i])] = int64_t(i);
  return back;
}

Result<> lower_transpose(Lowering& l, const Node& node) {
  l.define(node.result(), permuted(l.read(node.operand("x")), permutation(node.call)));
  return {};
}

// The operands of an op that puts them side by side, each copied to its part unless it stands there.
void place_parts(Lowering& l, const Node& node, const std::vector<View>& parts) {
  for (size_t i = 0; i < parts.size(); ++i) {
    const View from = l.read(node.operand("values", i));
    if (!same_place(from, parts[i])) l.emit_copy(from, parts[i]);
  }
}

// Slice i of the new axis, without it.
std::vector<View> stack_parts(const Node& node, const View& home) {
  const size_t axis = axis_of(node.call, "axis", home.shape.size());
  std::vector<View> parts;
  for (int64_t i = 0; i < home.shape[axis]; ++i) parts.push_back(without(sliced(home, axis, i, 1), axis));
  return parts;
}

using Parts = std::vector<View> (*)(const Node&, const View& home);

Rule side_by_side(std::string_view name, Parts parts) {
  return {.op = name,
          .lower = [parts](Lowering& l, const Node& node) -> Result<> {
            const View result = l.target(node.result());
            place_parts(l, node, parts(node, result));
            l.define(node.result(), result);
            return {};
          },
          .takes = kWords,
          .parts = parts};
}

// Each dimension repeated as a whole: [r0, s0, r1, s1, …] of the result is x for every r.
Result<> lower_tile(Lowering& l, const Node& node) {
  const View x = l.read(node.operand("x"));
  const View result = l.temporary(l.shape(node.result()));
  mil::Shape once, often;
  for (size_t d = 0; d < x.shape.size(); ++d) {
    once.insert(once.end(), {1, x.shape[d]});
    often.insert(often.end(), {result.shape[d] / x.shape[d], x.shape[d]});
  }
  l.emit_copy(broadcast_to(*reshaped(x, once), often), *reshaped(result, often));
  l.define(node.result(), result);
  return {};
}

// x amid margins of one value; `pad` speaks of the last axes, two numbers each.
Result<> lower_pad(Lowering& l, const Node& node) {
  const View x = l.read(node.operand("x")), result = l.target(node.result());
  const std::vector<int64_t> pad = node.call.integers("pad");
  auto value = static_cast<float>(node.call.number("constant_val"));
  round_to(l.rounding(node.result()), {&value, 1});
  View inside = result;
  for (size_t i = 0; i < pad.size() / 2; ++i) {
    const size_t d = x.shape.size() - pad.size() / 2 + i;
    inside = sliced(std::move(inside), d, pad[2 * i], x.shape[d]);
  }
  l.emit({result},
         [loops = loops_over({&result}), result, value](const Pointers& p) { fill(loops, p.at(result), value); });
  l.emit_copy(x, inside);
  l.define(node.result(), result);
  return {};
}

std::optional<View> pull_through_reshape(const Node&, const mil::Shape& x, const View& home) {
  return reshaped(home, x);
}

Rule reshaping(std::string_view name) {
  return {.op = name, .lower = lower_reshape, .takes = kWords, .renames = true, .pull = pull_through_reshape};
}

}  // namespace

std::vector<Rule> movement_rules() {
  return {
      {.op = "identity", .lower = lower_identity, .takes = kWords, .renames = true, .pull = pull_through_reshape},
      reshaping("reshape"),
      reshaping("expand_dims"),
      reshaping("squeeze"),
      reshaping("flatten2d"),
      {.op = "transpose",
       .lower = lower_transpose,
       .takes = kWords,
       .renames = true,
       .pull = [](const Node& node, const mil::Shape&, const View& home) -> std::optional<View> {
         return permuted(home, inverse(permutation(node.call)));
       }},
      side_by_side("concat", [](const Node& node, const View& home) { return concat_parts(node.call, home); }),
      side_by_side("stack", stack_parts),
      {.op = "tile", .lower = lower_tile, .takes = kWords},
      {.op = "pad",
       .lower = lower_pad,
       .serves = [](const Node& node) { return node.call.text("mode") == "constant"; }},
  };
}

}  // namespace anemone::cpu
