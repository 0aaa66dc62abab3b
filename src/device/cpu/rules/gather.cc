// Slices picked by indices that are known at run time only.
#include "base/parallel.h"
#include "device/cpu/kernels/copy.h"
#include "device/cpu/kernels/rows.h"
#include "device/cpu/kernels/words.h"
#include "device/cpu/lowering.h"

namespace anemone::cpu {
namespace {

// out[.., i, ..] = x[.., indices[i], ..]
struct Gather {
  int64_t picks, size;  // of indices, and of x along the axis
  bool wrap;            // a negative index counts from the end; what lies outside is clamped
  int64_t out_stride, x_stride;
  Loops slice;  // operands: out, x

  int64_t at(float index) const {
    const int64_t i = integer(index);
    return std::clamp<int64_t>(wrap && i < 0 ? i + size : i, 0, size - 1);
  }
};

void gather(const Gather& g, const float* indices, const float* x, float* out) {
  parallel_for(g.picks, std::max<int64_t>(1, kRowGrain / g.slice.count()), [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) copy(g.slice, out + i * g.out_stride, x + g.at(indices[i]) * g.x_stride);
  });
}

// x [P, n, Q], indices [M], result [P, M, Q]
Result<> lower_gather(Lowering& l, const Node& node) {
  const View x = l.read(node.operand("x")), indices = l.read_packed(node.operand("indices"));
  const View result = l.temporary(l.shape(node.result()));
  const size_t axis = axis_of(node.call, "axis", x.shape.size());
  mil::Shape picked = x.shape;
  picked[axis] = indices.count();
  const View out = *reshaped(result, picked);
  const View from = sliced(x, axis, 0, 1), to = sliced(out, axis, 0, 1);
  const Gather g{.picks = indices.count(),
                 .size = x.shape[axis],
                 .wrap = !node.call.has("validate_indices"),
                 .out_stride = out.strides[axis],
                 .x_stride = x.strides[axis],
                 .slice = loops_over({&to, &from})};
  l.emit({indices, x, out}, [=](const Pointers& p) { gather(g, p.at(indices), p.at(x), p.at(out)); });
  l.define(node.result(), result);
  return {};
}

}  // namespace

std::vector<Rule> gather_rules() {
  return {{.op = "gather", .lower = lower_gather, .takes = kWords, .serves = [](const Node& node) {
             return !node.call.has("batch_dims") || node.call.integer("batch_dims") == 0;
           }}};
}

}  // namespace anemone::cpu
