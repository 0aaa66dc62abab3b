// What joins tensors, cuts one into parts, or repeats it.
#include <fmt/format.h>

#include <algorithm>

#include "mil/gradient.h"
#include "mil/ops/families.h"
#include "mil/ops/places.h"

namespace anemone::mil {
namespace {

// ---- concat, split, stack

Result<std::vector<TensorType>> infer_concat(const OpCall& c) {
  const auto values = c.operands("values");
  Shape shape = values[0].type.shape;
  const auto axis = size_t(TRY(normalize_axis("concat", c.integer("axis"), int64_t(shape.size()))));
  int64_t total = 0;
  for (const OpCall::Operand& value : values) {
    Shape other = value.type.shape;
    if (other.size() != shape.size()) return fail("concat: the values differ in rank");
    if (c.flag("interleave") && other != values[0].type.shape) return fail("concat: interleave needs equal shapes");
    total += other[axis];
    other[axis] = shape[axis];
    if (other != shape) {
      return fail("concat: {} and {} differ outside axis {}", to_string(shape), to_string(value.type.shape), axis);
    }
  }
  shape[axis] = total;
  return {{{values[0].type.dtype, shape}}};
}

// The values' slabs stand one after another; interleaved, out[i·n + k] = values[k][i].
void evaluate_concat(const OpCall& c, std::span<Array> results) {
  const auto values = c.operands("values");
  const Shape& shape = results[0].type.shape;
  const auto axis = size_t(*normalize_axis("concat", c.integer("axis"), int64_t(shape.size())));
  const int64_t stride = packed_strides(shape)[axis];
  const int64_t step = c.flag("interleave") ? int64_t(values.size()) : 1;
  int64_t begin = 0;
  for (const OpCall::Operand& value : values) {
    const int64_t size = value.type.shape[axis];
    Places places = packed_places(shape);
    places[axis] = steps(size, step * stride, begin * stride);
    put(value.array->data, places, results[0].data);
    begin += c.flag("interleave") ? 1 : size;
  }
}

void concat_backward(GradientUse& use) {
  const std::vector<Value>& values = use.all("values");
  const auto axis = size_t(*normalize_axis("", use.call.integer("axis"), use.call.rank("values")));
  const auto n = static_cast<int64_t>(values.size());
  Value d = use.d();
  if (use.call.flag("interleave")) {  // [.., i·n + k, ..] to [.., k·size + i, ..]
    const Shape shape = d.shape();
    const int64_t inner = packed_strides(shape)[axis];
    d = reshape(transpose(reshape(d, {-1, shape[axis] / n, n, inner}), {0, 2, 1, 3}), shape);
  }
  int64_t begin = 0;
  for (size_t k = 0; k < values.size(); ++k) {
    const int64_t size = values[k].dim(axis);
    if (use.wants("values", k)) use.add("values", slice(d, axis, begin, size), k);
    begin += size;
  }
}

OpDef concat_op() {
  return {.name = "concat",
          .params = {Param::operand("values", kAny, 'T').several(), Param::one_number("axis", kInt32),
                     Param::setting("interleave", kBool, Tensor::boolean(false))},
          .infer = infer_concat,
          .evaluate = evaluate_concat,
          .gradient = concat_backward,
          .formula = "the values one after another along axis; interleaved: out[i·n + k] = values[k][i]"};
}

// The sizes along `axis` of the results; those given win over their number.
Result<std::vector<int64_t>> split_sizes(const OpCall& c, size_t axis) {
  constexpr int64_t kMostSplits = 1 << 16;  // against programs that are a line long and have billions of results
  const int64_t size = c.shape("x")[axis];
  if (c.has("split_sizes")) {
    const std::vector<int64_t> sizes = c.integers("split_sizes");
    int64_t total = 0;
    for (int64_t part : sizes) total += part;
    if (std::ranges::any_of(sizes, [](int64_t part) { return part < 0; }) || total != size) {
      return fail("split: split_sizes [{}] do not make up the dimension {}", fmt::join(sizes, ", "), size);
    }
    return sizes;
  }
  if (!c.has("num_splits")) return fail("split: give it num_splits or split_sizes");
  const int64_t n = c.integer("num_splits");
  if (n < 1 || n > kMostSplits || size % n != 0) return fail("split: {} does not split {} evenly", n, size);
  return std::vector<int64_t>(size_t(n), size / n);
}

Result<std::vector<TensorType>> infer_split(const OpCall& c) {
  const auto axis = size_t(TRY(normalize_axis("split", c.integer("axis"), c.rank("x"))));
  const std::vector<int64_t> sizes = TRY(split_sizes(c, axis));
  std::vector<TensorType> types(sizes.size(), c.type("x"));
  for (size_t i = 0; i < types.size(); ++i) types[i].shape[axis] = sizes[i];
  return types;
}

void evaluate_split(const OpCall& c, std::span<Array> results) {
  const auto axis = size_t(*normalize_axis("split", c.integer("axis"), c.rank("x")));
  const int64_t stride = packed_strides(c.shape("x"))[axis];
  int64_t begin = 0;
  for (Array& result : results) {
    const int64_t size = result.type.shape[axis];
    Places places = packed_places(c.shape("x"));
    places[axis] = steps(size, stride, begin * stride);
    take(c.array("x").data, places, result.data);
    begin += size;
  }
}

void split_backward(GradientUse& use) {
  const int64_t axis = *normalize_axis("split", use.call.integer("axis"), use.call.rank("x"));
  std::vector<Value> parts;
  for (size_t i = 0; i < split_sizes(use.call, size_t(axis))->size(); ++i) parts.push_back(use.d(i));
  use.add("x", concat(parts, axis));
}

std::vector<Value> compose_split(OpUse& use) {
  const auto axis = size_t(*normalize_axis("split", use.call.integer("axis"), use.call.rank("x")));
  const std::vector<int64_t> sizes = *split_sizes(use.call, axis);
  std::vector<Value> parts;
  int64_t begin = 0;
  for (int64_t size : sizes) {
    parts.push_back(slice(use["x"], axis, begin, size));
    begin += size;
  }
  return parts;
}

OpDef split_op() {
  return {.name = "split",
          .params = {Param::operand("x"), Param::one_number("num_splits", kInt32).maybe(),
                     Param::setting("split_sizes", kInt32).maybe(), Param::one_number("axis", kInt32)},
          .infer = infer_split,
          .evaluate = evaluate_split,
          .gradient = split_backward,
          .compose = compose_split,
          .formula = "consecutive parts of x along axis, of split_sizes or num_splits equal ones"};
}

Result<std::vector<TensorType>> infer_stack(const OpCall& c) {
  const auto values = c.operands("values");
  TensorType type = values[0].type;
  const int64_t axis = TRY(normalize_axis("stack", c.integer("axis"), int64_t(type.shape.size()) + 1));
  for (const OpCall::Operand& value : values) {
    if (value.type.shape != type.shape) {
      return fail("stack: the values differ in shape, {} and {}", to_string(type.shape), to_string(value.type.shape));
    }
  }
  type.shape.insert(type.shape.begin() + axis, int64_t(values.size()));
  return {{type}};
}

void evaluate_stack(const OpCall& c, std::span<Array> results) {
  const auto values = c.operands("values");
  const Shape& shape = results[0].type.shape;
  const auto axis = size_t(*normalize_axis("stack", c.integer("axis"), int64_t(shape.size())));
  Places places = packed_places(shape);
  for (size_t k = 0; k < values.size(); ++k) {
    places[axis] = {int64_t(k) * packed_strides(shape)[axis]};
    put(values[k].array->data, places, results[0].data);
  }
}

std::vector<Value> compose_stack(OpUse& use) {
  const int64_t axis = *normalize_axis("stack", use.call.integer("axis"), use.call.rank("values") + 1);
  std::vector<Value> values;
  for (Value value : use.all("values")) {
    values.push_back(use.b.apply("expand_dims", {{"x", value}, {"axes", Tensor::ints({axis})}}));
  }
  return {concat(values, axis)};
}

OpDef stack_op() {
  return {.name = "stack",
          .params = {Param::operand("values", kAny, 'T').several(), Param::one_number("axis", kInt32)},
          .infer = infer_stack,
          .evaluate = evaluate_stack,
          .compose = compose_stack,
          .formula = "the values side by side along a new axis"};
}

// ---- tile

Result<std::vector<TensorType>> infer_tile(const OpCall& c) {
  TensorType type = c.type("x");
  const std::vector<int64_t> reps = c.integers("reps");
  if (reps.size() != type.shape.size()) return fail("tile: reps needs {} numbers", type.shape.size());
  for (size_t d = 0; d < reps.size(); ++d) {
    if (reps[d] < 1) return fail("tile: reps [{}] must be positive", fmt::join(reps, ", "));
    type.shape[d] *= reps[d];
  }
  return {{type}};
}

void evaluate_tile(const OpCall& c, std::span<Array> results) {
  const std::vector<int64_t> strides = packed_strides(c.shape("x"));
  Places places;
  for (size_t d = 0; d < strides.size(); ++d) {
    std::vector<int64_t>& offsets = places.emplace_back(steps(results[0].type.shape[d], 1));
    for (int64_t& offset : offsets) offset = offset % c.shape("x")[d] * strides[d];
  }
  take(c.array("x").data, places, results[0].data);
}

// Summed over the repetitions, an axis at a time.
void tile_backward(GradientUse& use) {
  Value d = use.d();
  const std::vector<int64_t> reps = use.call.integers("reps");
  for (size_t axis = 0; axis < reps.size(); ++axis) {
    if (reps[axis] == 1) continue;
    Shape shape = d.shape();
    const int64_t inner = packed_strides(shape)[axis];
    shape[axis] = use.call.shape("x")[axis];
    d = reshape(sum(reshape(d, {-1, reps[axis], shape[axis], inner}), 1), shape);
  }
  use.add("x", d);
}

std::vector<Value> compose_tile(OpUse& use) {
  Value x = use["x"];
  const std::vector<int64_t> reps = use.call.integers("reps");
  for (size_t axis = 0; axis < reps.size(); ++axis) {
    if (reps[axis] > 1) x = concat(std::vector<Value>(size_t(reps[axis]), x), int64_t(axis));
  }
  return {x};
}

OpDef tile_op() {
  return {.name = "tile",
          .params = {Param::operand("x"), Param::setting("reps", kInt32)},
          .infer = infer_tile,
          .evaluate = evaluate_tile,
          .gradient = tile_backward,
          .compose = compose_tile,
          .formula = "x repeated reps[d] times along each axis d"};
}

}  // namespace

std::vector<OpDef> joining_ops() { return {concat_op(), split_op(), stack_op(), tile_op()}; }

}  // namespace anemone::mil
