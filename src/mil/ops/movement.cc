// What moves one tensor without arithmetic: permuted, padded, reversed, in windows, in a band.
#include <fmt/format.h>

#include <algorithm>

#include "mil/gradient.h"
#include "mil/ops/families.h"
#include "mil/ops/places.h"

namespace anemone::mil {
namespace {

// ---- transpose

Result<std::vector<int64_t>> permutation(const OpCall& c) {
  std::vector<int64_t> perm = c.integers("perm");
  std::vector<bool> seen(perm.size(), false);
  if (static_cast<int64_t>(perm.size()) != c.rank("x")) return fail("transpose: perm needs {} axes", c.rank("x"));
  for (int64_t& axis : perm) {
    axis = TRY(normalize_axis("transpose", axis, c.rank("x")));
    if (seen[size_t(axis)]) return fail("transpose: axis {} stands twice in perm", axis);
    seen[size_t(axis)] = true;
  }
  return perm;
}

Result<std::vector<TensorType>> infer_transpose(const OpCall& c) {
  const std::vector<int64_t> perm = TRY(permutation(c));
  Shape shape;
  for (int64_t axis : perm) shape.push_back(c.type("x").shape[size_t(axis)]);
  return {{{c.type("x").dtype, shape}}};
}

void transpose_backward(GradientUse& use) {
  const std::vector<int64_t> perm = *permutation(use.call);
  std::vector<int64_t> inverse(perm.size());
  for (size_t i = 0; i < perm.size(); ++i) inverse[size_t(perm[i])] = int64_t(i);
  use.add("x", transpose(use.d(), inverse));
}

OpDef transpose_op() {
  return {.name = "transpose",
          .params = {Param::operand("x"), Param::setting("perm", kInt32)},
          .infer = infer_transpose,
          .evaluate =
              [](const OpCall& c, std::span<Array> results) {
                take(c.array("x").data, permuted(packed_places(c.shape("x")), *permutation(c)), results[0].data);
              },
          .gradient = transpose_backward,
          .formula = "axis i of the result is axis perm[i] of x"};
}

// ---- pad

struct Margin {
  int64_t before, after;
};

// Of each axis; `pad` speaks of the last ones.
std::vector<Margin> margins(const OpCall& c) {
  const std::vector<int64_t> pad = c.integers("pad");
  std::vector<Margin> margins(c.shape("x").size(), Margin{0, 0});
  const size_t first = margins.size() - pad.size() / 2;
  for (size_t i = 0; i < pad.size() / 2; ++i) margins[first + i] = {pad[2 * i], pad[2 * i + 1]};
  return margins;
}

Result<std::vector<TensorType>> infer_pad(const OpCall& c) {
  TensorType type = c.type("x");
  const std::vector<int64_t> pad = c.integers("pad");
  const std::string_view mode = c.text("mode");
  if (mode != "constant" && mode != "reflect" && mode != "replicate") {
    return fail("pad: mode is \"{}\", expected constant, reflect or replicate", mode);
  }
  if (pad.size() % 2 != 0 || pad.size() / 2 > type.shape.size()) {
    return fail("pad: pad needs a pair of numbers for each of at most {} dimensions", type.shape.size());
  }
  const std::vector<Margin> margins_of = margins(c);
  for (size_t d = 0; d < margins_of.size(); ++d) {
    const auto [before, after] = margins_of[d];
    const int64_t size = type.shape[d], most = std::max(before, after);
    if (std::min(before, after) < 0) return fail("pad: pad [{}] must not be negative", fmt::join(pad, ", "));
    if (most > 0 && mode == "reflect" && most >= size) {
      return fail("pad: reflect takes at most {} of a dimension {}, not {}", std::max<int64_t>(size - 1, 0), size,
                  most);
    }
    if (most > 0 && mode == "replicate" && size == 0) return fail("pad: there is nothing to replicate");
    type.shape[d] += before + after;
  }
  return {{type}};
}

// Where in x, of one axis, element i beyond [0, size) is taken from.
int64_t reflected(int64_t i, int64_t size) { return i < 0 ? -i : i >= size ? 2 * (size - 1) - i : i; }
int64_t replicated(int64_t i, int64_t size) { return std::clamp(i, int64_t{0}, size - 1); }

void evaluate_pad(const OpCall& c, std::span<Array> results) {
  Array& out = results[0];
  const Shape& from = c.shape("x");
  const bool constant = c.text("mode") == "constant";
  const std::vector<Margin> margins_of = margins(c);
  const std::vector<int64_t> in_strides = packed_strides(from), out_strides = packed_strides(out.type.shape);
  Places places;
  for (size_t d = 0; d < from.size(); ++d) {
    const int64_t before = margins_of[d].before;
    if (constant) {
      places.push_back(steps(from[d], out_strides[d], before * out_strides[d]));
      continue;
    }
    std::vector<int64_t>& offsets = places.emplace_back(steps(out.type.shape[d], 1, -before));
    const auto source = c.text("mode") == "reflect" ? reflected : replicated;
    for (int64_t& offset : offsets) offset = source(offset, from[d]) * in_strides[d];
  }
  if (!constant) return take(c.array("x").data, places, out.data);
  std::ranges::fill(out.data, c.number("constant_val"));
  put(c.array("x").data, places, out.data);
}

Value reverse(Value x, int64_t axis) {
  return x.builder().apply("reverse", {{"x", x}, {"axes", Tensor::ints({axis})}});
}

// What stands before or after x along an axis.
Value margin(OpUse& use, Value x, size_t axis, int64_t width, bool before) {
  const std::string_view mode = use.call.text("mode");
  TensorType type = x.type();
  const int64_t size = x.dim(axis);
  if (mode == "reflect") return reverse(slice(x, axis, before ? 1 : size - 1 - width, width), int64_t(axis));
  if (mode == "replicate") {
    std::vector<int64_t> reps(type.shape.size(), 1);
    reps[axis] = width;
    const Value edge = slice(x, axis, before ? 0 : size - 1, 1);
    return use.b.apply("tile", {{"x", edge}, {"reps", Tensor::ints(reps)}});
  }
  type.shape[axis] = width;
  const std::vector<double> fill(size_t(type.count()), use.call.number("constant_val"));
  return use.b.constant(Tensor::from_numbers(type, fill), "margin");
}

// An axis at a time; its corners come with the later axes.
std::vector<Value> compose_pad(OpUse& use) {
  Value x = use["x"];
  const std::vector<Margin> margins_of = margins(use.call);
  for (size_t axis = 0; axis < margins_of.size() && use.b.ok(); ++axis) {
    std::vector<Value> parts{x};
    if (margins_of[axis].before > 0) parts.insert(parts.begin(), margin(use, x, axis, margins_of[axis].before, true));
    if (margins_of[axis].after > 0) parts.push_back(margin(use, x, axis, margins_of[axis].after, false));
    if (parts.size() > 1) x = concat(parts, int64_t(axis));
  }
  return {x};
}

OpDef pad_op() {
  return {.name = "pad",
          .params = {Param::operand("x", kFloats), Param::setting("pad", kInt32),
                     Param::setting("mode", kString, Tensor::text("constant")),
                     Param::setting("constant_val", kFloats, Tensor::scalar(DType::fp32, 0))},
          .infer = infer_pad,
          .evaluate = evaluate_pad,
          .compose = compose_pad,
          .formula = "x with margins along its last axes: constant, its reflection without the edge, or the edge"};
}

// ---- reverse, reverse_sequence

Result<std::vector<bool>> reversed_axes(const OpCall& c) {
  std::vector<bool> reversed(c.shape("x").size(), !c.has("axes"));
  if (!c.has("axes")) return reversed;
  for (int64_t axis : c.integers("axes")) reversed[size_t(TRY(normalize_axis("reverse", axis, c.rank("x"))))] = true;
  return reversed;
}

void evaluate_reverse(const OpCall& c, std::span<Array> results) {
  Places places = packed_places(c.shape("x"));
  const std::vector<bool> reversed = *reversed_axes(c);
  for (size_t d = 0; d < places.size(); ++d) {
    if (reversed[d]) std::ranges::reverse(places[d]);
  }
  take(c.array("x").data, places, results[0].data);
}

// The op is linear in x and its own transpose: its gradient is the op, with the gradient for x.
void self_adjoint_backward(std::string_view op, GradientUse& use) {
  Builder::Arguments arguments = use.arguments_without({"x"});
  arguments.emplace_back("x", use.d());
  use.add("x", use.b.apply(op, arguments));
}

std::vector<Value> compose_reverse(OpUse& use) {
  const std::vector<bool> reversed = *reversed_axes(use.call);
  std::vector<int64_t> stride;
  for (bool backwards : reversed) stride.push_back(backwards ? -1 : 1);
  const std::vector<int64_t> zeros(stride.size(), 0);
  const TensorType masks{DType::boolean, {int64_t(stride.size())}};
  const Tensor open = Tensor::from_numbers(masks, std::vector<double>(stride.size(), 1));
  return {use.b.apply("slice_by_index", {{"x", use["x"]},
                                         {"begin", Tensor::ints(zeros)},
                                         {"end", Tensor::ints(zeros)},
                                         {"stride", Tensor::ints(stride)},
                                         {"begin_mask", open},
                                         {"end_mask", open}})};
}

OpDef reverse_op() {
  return {.name = "reverse",
          .params = {Param::operand("x"), Param::setting("axes", kInt32).maybe()},
          .infer = [](const OpCall& c) -> Result<std::vector<TensorType>> {
            TRY(reversed_axes(c));
            return {{c.type("x")}};
          },
          .evaluate = evaluate_reverse,
          .gradient = [](GradientUse& use) { self_adjoint_backward("reverse", use); },
          .compose = compose_reverse,
          .formula = "x backwards along axes, or all"};
}

struct SequenceAxes {
  size_t sequence, batch;
};

Result<SequenceAxes> sequence_axes(const OpCall& c) {
  const int64_t sequence = TRY(normalize_axis("reverse_sequence", c.integer("seq_axis"), c.rank("x")));
  const int64_t batch = TRY(normalize_axis("reverse_sequence", c.integer("batch_axis"), c.rank("x")));
  if (sequence == batch) return fail("reverse_sequence: seq_axis and batch_axis are both {}", batch);
  return SequenceAxes{size_t(sequence), size_t(batch)};
}

Result<std::vector<TensorType>> infer_reverse_sequence(const OpCall& c) {
  const SequenceAxes axes = TRY(sequence_axes(c));
  const Shape expected{c.shape("x")[axes.batch]};
  if (c.shape("lengths") != expected) {
    return fail("reverse_sequence: lengths is {}, expected {}", to_string(c.shape("lengths")), to_string(expected));
  }
  return {{c.type("x")}};
}

// Lengths are known at run time only; those out of range are taken for the nearest in it.
void evaluate_reverse_sequence(const OpCall& c, std::span<Array> results) {
  const Array& x = c.array("x");
  const auto [sequence, batch] = *sequence_axes(c);
  const std::vector<int64_t> strides = packed_strides(x.type.shape);
  const int64_t size = x.type.shape[sequence];
  for (int64_t i = 0; i < x.type.count(); ++i) {
    const int64_t s = i / strides[sequence] % size, b = i / strides[batch] % x.type.shape[batch];
    const auto length = int64_t(std::clamp(c.array("lengths").data[size_t(b)], 0.0, double(size)));
    const int64_t from = s < length ? length - 1 - s : s;
    results[0].data[size_t(i)] = x.data[size_t(i + (from - s) * strides[sequence])];
  }
}

OpDef reverse_sequence_op() {
  return {.name = "reverse_sequence",
          .params = {Param::operand("x"), Param::operand("lengths", kInt32),
                     Param::setting("seq_axis", kInt32, Tensor::integer(0)),
                     Param::setting("batch_axis", kInt32, Tensor::integer(0))},
          .infer = infer_reverse_sequence,
          .evaluate = evaluate_reverse_sequence,
          .gradient = [](GradientUse& use) { self_adjoint_backward("reverse_sequence", use); },
          .formula = "x with the first lengths[b] elements of sequence b backwards"};
}

// ---- sliding_windows, band_part

Result<std::vector<TensorType>> infer_windows(const OpCall& c) {
  TensorType type = c.type("x");
  const int64_t axis = TRY(normalize_axis("sliding_windows", c.integer("axis"), c.rank("x")));
  const int64_t size = c.integer("size"), stride = c.integer("stride"), length = type.shape[size_t(axis)];
  if (size < 1 || size > length || stride < 1) {
    return fail("sliding_windows: no windows of size {} and stride {} in a dimension {}", size, stride, length);
  }
  type.shape[size_t(axis)] = (length - size) / stride + 1;
  type.shape.insert(type.shape.begin() + axis + 1, size);
  return {{type}};
}

void evaluate_windows(const OpCall& c, std::span<Array> results) {
  const auto axis = size_t(*normalize_axis("sliding_windows", c.integer("axis"), c.rank("x")));
  const int64_t step = packed_strides(c.shape("x"))[axis], windows = results[0].type.shape[axis];
  Places places = packed_places(c.shape("x"));
  places[axis] = steps(windows, c.integer("stride") * step);
  places.insert(places.begin() + int64_t(axis) + 1, steps(c.integer("size"), step));
  take(c.array("x").data, places, results[0].data);
}

std::vector<Value> compose_windows(OpUse& use) {
  const auto axis = size_t(*normalize_axis("sliding_windows", use.call.integer("axis"), use.call.rank("x")));
  const int64_t size = use.call.integer("size"), length = use.call.shape("x")[axis];
  std::vector<Value> windows;
  for (int64_t begin = 0; begin + size <= length; begin += use.call.integer("stride")) {
    windows.push_back(slice(use["x"], axis, begin, size));
  }
  return {use.b.apply("stack", {{"values", windows}, {"axis", Tensor::integer(int64_t(axis))}})};
}

OpDef sliding_windows_op() {
  return {.name = "sliding_windows",
          .params = {Param::operand("x"), Param::one_number("axis", kInt32), Param::one_number("size", kInt32),
                     Param::setting("stride", kInt32, Tensor::integer(1))},
          .infer = infer_windows,
          .evaluate = evaluate_windows,
          .compose = compose_windows,
          .formula = "axis becomes [(d − size)/stride + 1, size]: out[w, i] = x[w·stride + i]"};
}

// Whether element (m, n) of the last two dimensions lies in the band; a negative width is no limit.
bool in_band(const OpCall& c, int64_t m, int64_t n) {
  const int64_t lower = c.integer("lower"), upper = c.integer("upper");
  return (lower < 0 || m - n <= lower) && (upper < 0 || n - m <= upper);
}

void evaluate_band(const OpCall& c, std::span<Array> results) {
  const Array& x = c.array("x");
  const int64_t rows = x.type.shape.end()[-2], columns = x.type.shape.end()[-1];
  for (int64_t i = 0; i < x.type.count(); ++i) {
    results[0].data[size_t(i)] = in_band(c, i / columns % rows, i % columns) ? x.data[size_t(i)] : 0;
  }
}

std::vector<Value> compose_band(OpUse& use) {
  const Value x = use["x"];
  const int64_t rows = use.call.shape("x").end()[-2], columns = use.call.shape("x").end()[-1];
  std::vector<double> band;
  for (int64_t i = 0; i < rows * columns; ++i) band.push_back(in_band(use.call, i / columns, i % columns) ? 1 : 0);
  return {use.b.apply("select", {{"cond", Tensor::from_numbers({DType::boolean, {rows, columns}}, band)},
                                 {"a", x},
                                 {"b", Tensor::scalar(x.dtype(), 0)}})};
}

OpDef band_part_op() {
  return {.name = "band_part",
          .params = {Param::operand("x"), Param::setting("lower", kInt32, Tensor::integer(-1)),
                     Param::setting("upper", kInt32, Tensor::integer(-1))},
          .infer = [](const OpCall& c) -> Result<std::vector<TensorType>> {
            if (c.rank("x") < 2) return fail("band_part: x {} needs rank 2 or more", to_string(c.shape("x")));
            return {{c.type("x")}};
          },
          .evaluate = evaluate_band,
          .gradient = [](GradientUse& use) { self_adjoint_backward("band_part", use); },
          .compose = compose_band,
          .formula = "x where row − column ≤ lower and column − row ≤ upper, else 0; negative: no limit"};
}

}  // namespace

std::vector<OpDef> movement_ops() {
  return {transpose_op(), pad_op(), reverse_op(), reverse_sequence_op(), sliding_windows_op(), band_part_op()};
}

}  // namespace anemone::mil
