// Ops that take parts of a tensor: views where the bounds are constant.
#include "device/cpu/lowering.h"

namespace anemone::cpu {
namespace {

View slice_of(View view, const Node& node, const mil::Shape& shape) {
  const std::vector<int64_t> begin = node.call.integers("begin");
  for (size_t d = 0; d < shape.size(); ++d) {
    view = sliced(std::move(view), d, begin[d] < 0 ? begin[d] + view.shape[d] : begin[d], shape[d]);
  }
  return view;
}

// Of an input narrower than words only the slice is converted.
Result<> lower_slice(Lowering& l, const Node& node) {
  const mil::ValueId x = node.operand("x");
  const mil::Shape& shape = l.shape(node.result());
  if (const auto raw = l.raw_input(x)) {
    const View result = l.place(node.result());
    l.emit_widen(slice_of(*raw, node, shape), l.dtype(x), result);
    l.define(node.result(), result);
  } else {
    l.define(node.result(), slice_of(l.read(x), node, shape));
  }
  return {};
}

// Views of x one after another along the axis.
Result<> lower_split(Lowering& l, const Node& node) {
  const View x = l.read(node.operand("x"));
  const size_t axis = axis_of(node, "axis", x.shape.size());
  int64_t begin = 0;
  for (mil::ValueId id : node.operation->results) {
    const int64_t size = l.shape(id)[axis];
    l.define(id, sliced(x, axis, begin, size));
    begin += size;
  }
  return {};
}

}  // namespace

std::vector<Rule> slicing_rules() {
  return {
      {.op = "slice_by_size", .lower = lower_slice, .takes = kWords, .renames = true},
      {.op = "split", .lower = lower_split, .takes = kWords, .renames = true},
  };
}

}  // namespace anemone::cpu
