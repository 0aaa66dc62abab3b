// Reductions and softmax.
#include <algorithm>

#include "device/cpu/kernels/reduce.h"
#include "device/cpu/lowering.h"

namespace anemone::cpu {
namespace {

// The result as the reduction visits it: of x's shape, repeated along the reduced axes.
View spread(const View& result, const mil::Shape& x, const std::vector<bool>& reduced) {
  mil::Shape kept = x;
  for (size_t d = 0; d < x.size(); ++d) kept[d] = reduced[d] ? 1 : kept[d];
  return broadcast_to(*reshaped(result, kept), x);
}

// The nest over x and the result, parted into the dimensions that stay and those that go.
Reduction parted(ReduceOp op, const Loops& all) {
  Reduction r{op, {{}, {{}, {}}}, {{}, {{}}}};
  for (size_t d = 0; d < all.sizes.size(); ++d) {
    const bool gone = all.strides[1][d] == 0;
    Loops& part = gone ? r.reduced : r.kept;
    part.sizes.push_back(all.sizes[d]);
    for (size_t i = 0; i < part.strides.size(); ++i) part.strides[i].push_back(all.strides[i][d]);
    r.along_rows = gone;
  }
  for (Loops* part : {&r.kept, &r.reduced}) {
    if (!part->sizes.empty()) continue;
    part->sizes = {1};
    for (auto& strides : part->strides) strides = {1};
  }
  return r;
}

Rule reduction(std::string_view name, ReduceOp op) {
  return {name, [op](Lowering& l, const Node& node) -> Result<> {
            const View x = l.read(node.operand("x"));
            const View result = l.place(node.result());
            const View visited = spread(result, x.shape, reduced_axes(node.call));
            l.emit({x, result}, [r = parted(op, loops_over({&x, &visited})), x, result](const Pointers& p) {
              reduce(r, p.at(x), p.at(result));
            });
            l.settle(node.result(), result);
            return {};
          }};
}

View without(View view, size_t axis) { return sliced(std::move(view), axis, 0, 1); }

Softmax softmax_over(const View& x, const View& out, size_t axis) {
  const View x_places = without(x, axis), out_places = without(out, axis);
  const bool along_rows = x.shape[axis] == 1 || (x.strides[axis] == 1 && out.strides[axis] == 1);
  return {loops_over({&x_places, &out_places}), x.shape[axis], x.strides[axis], out.strides[axis], along_rows};
}

bool is_ready(const Softmax& s) {
  return s.along_rows || (s.others.inner_stride(0) == 1 && s.others.inner_stride(1) == 1);
}

Result<> lower_softmax(Lowering& l, const Node& node) {
  View x = l.read(node.operand("x"));
  const size_t axis = axis_of(node.call, "axis", x.shape.size());
  View out = l.place(node.result());
  if (!is_ready(softmax_over(x, out, axis))) {
    x = l.read_packed(node.operand("x"));
    out = l.temporary(x.shape);
  }
  l.emit({x, out}, [s = softmax_over(x, out, axis), x, out](const Pointers& p) { softmax(s, p.at(x), p.at(out)); });
  l.settle(node.result(), out);
  return {};
}

// From the end as from the beginning of both backwards.
Result<> lower_cumsum(Lowering& l, const Node& node) {
  View x = l.read(node.operand("x"));
  const View result = l.place(node.result());
  View out = result;
  const size_t axis = axis_of(node.call, "axis", x.shape.size());
  if (node.call.flag("reverse")) {
    for (View* view : {&x, &out}) *view = sliced(*view, axis, view->shape[axis] - 1, view->shape[axis], -1);
  }
  const View x_places = without(x, axis), out_places = without(out, axis);
  const Cumulation c{loops_over({&x_places, &out_places}), x.shape[axis], x.strides[axis], out.strides[axis],
                     node.call.flag("exclusive")};
  l.emit({x, out}, [=](const Pointers& p) { cumulate(c, p.at(x), p.at(out)); });
  l.settle(node.result(), result);
  return {};
}

Rule choice(std::string_view name, bool largest) {
  return {name, [largest](Lowering& l, const Node& node) -> Result<> {
            const View x = l.read(node.operand("x")), result = l.target(node.result());
            const size_t axis = axis_of(node.call, "axis", x.shape.size());
            const View places = without(x, axis);
            const View out = *reshaped(result, places.shape);
            const Choice c{loops_over({&places, &out}), x.shape[axis], x.strides[axis], largest};
            l.emit({x, out}, [=](const Pointers& p) { choose(c, p.at(x), p.at(out)); });
            l.define(node.result(), result);
            return {};
          }};
}

}  // namespace

std::vector<Rule> reduction_rules() {
  return {
      reduction("reduce_sum", ReduceOp::sum),
      reduction("reduce_mean", ReduceOp::mean),
      reduction("reduce_prod", ReduceOp::product),
      reduction("reduce_max", ReduceOp::maximum),
      reduction("reduce_min", ReduceOp::minimum),
      {"softmax", lower_softmax},
      {"cumsum", lower_cumsum},
      choice("reduce_argmax", true),
      choice("reduce_argmin", false),
  };
}

}  // namespace anemone::cpu
