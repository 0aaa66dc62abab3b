// Tensors made from constants: one_hot, fill, fill_like, range_1d, non_zero.
#include <algorithm>
#include <cmath>

#include "mil/ops/families.h"

namespace anemone::mil {
namespace {

constexpr DTypes kValues = kNumbers | kBool;

// ---- one_hot: indices [P, Q], with the new axis between → [P, size, Q].

Result<int64_t> one_hot_axis(const OpCall& c) {
  return normalize_axis("one_hot", c.integer("axis"), c.rank("indices") + 1);
}

// Of on_value and off_value, the int32 1 and 0 where left out, one may decide alone.
Result<std::vector<TensorType>> infer_one_hot(const OpCall& c) {
  Shape shape = c.shape("indices");
  const int64_t axis = TRY(one_hot_axis(c)), size = c.integer("one_hot_vector_size");
  if (size < 1) return fail("one_hot: one_hot_vector_size is {}, expected 1 or more", size);
  shape.insert(shape.begin() + axis, size);
  DType dtype = DType::int32;
  if (c.has("off_value")) dtype = c.type("off_value").dtype;
  if (c.has("on_value")) dtype = c.type("on_value").dtype;
  return {{{dtype, shape}}};
}

// An index out of range is nowhere on.
void evaluate_one_hot(const OpCall& c, std::span<Array> results) {
  const Shape& shape = results[0].type.shape;
  const auto axis = size_t(*one_hot_axis(c));
  const int64_t size = shape[axis], after = packed_strides(shape)[axis];
  const double on = c.has("on_value") ? c.number("on_value") : 1;
  const double off = c.has("off_value") ? c.number("off_value") : 0;
  const std::vector<double>& indices = c.array("indices").data;
  std::ranges::fill(results[0].data, off);
  for (size_t i = 0; i < indices.size(); ++i) {
    if (indices[i] < 0 || indices[i] >= static_cast<double>(size)) continue;
    const int64_t outer = int64_t(i) / after, q = int64_t(i) % after;
    results[0].data[size_t((outer * size + static_cast<int64_t>(indices[i])) * after + q)] = on;
  }
}

Param alike(Param param) {
  param.letter = 'T';
  return param;
}

OpDef one_hot_op() {
  return {.name = "one_hot",
          .params = {Param::operand("indices", kIndices), Param::one_number("one_hot_vector_size", kInt32),
                     Param::setting("axis", kInt32, Tensor::integer(-1)),
                     alike(Param::one_number("on_value", kValues)).maybe(),
                     alike(Param::one_number("off_value", kValues)).maybe()},
          .infer = infer_one_hot,
          .evaluate = evaluate_one_hot,
          .formula = "on_value (1) at indices along a new axis, else off_value (0)"};
}

// ---- fill, fill_like

void evaluate_fill(const OpCall& c, std::span<Array> results) { std::ranges::fill(results[0].data, c.number("value")); }

Param filling() { return Param::setting("value", kValues, Tensor::scalar(DType::fp32, 0)); }

OpDef fill_op() {
  return {.name = "fill",
          .params = {Param::setting("shape", kInt32), filling()},
          .infer = [](const OpCall& c) -> Result<std::vector<TensorType>> {
            const Shape shape = c.integers("shape");
            for (int64_t size : shape) {
              if (size < 0) return fail("fill: shape has a dimension {}", size);
            }
            return {{{c.type("value").dtype, shape}}};
          },
          .evaluate = evaluate_fill,
          .formula = "value everywhere"};
}

OpDef fill_like_op() {
  return {.name = "fill_like",
          .params = {{.name = "ref_tensor", .accepts = kAny, .need = Need::type}, filling()},
          .infer = [](const OpCall& c) -> Result<std::vector<TensorType>> {
            return {{{c.type("value").dtype, c.shape("ref_tensor")}}};
          },
          .evaluate = evaluate_fill,
          .since = 16,
          .formula = "value everywhere, in the shape of ref_tensor"};
}

// ---- range_1d

Result<std::vector<TensorType>> infer_range(const OpCall& c) {
  const double start = c.number("start"), end = c.number("end"), step = c.number("step");
  if (step == 0) return fail("range_1d: step must not be 0");
  const double size = std::ceil((end - start) / step);
  if (!(size <= INT32_MAX)) {
    return fail("range_1d: from {} to {} by {} is no range of at most {} numbers", start, end, step, INT32_MAX);
  }
  return {{{c.type("start").dtype, {static_cast<int64_t>(std::max(0.0, size))}}}};
}

OpDef range_op() {
  return {.name = "range_1d",
          .params = {alike(Param::one_number("start", kNumbers)), alike(Param::one_number("end", kNumbers)),
                     alike(Param::one_number("step", kNumbers))},
          .infer = infer_range,
          .evaluate =
              [](const OpCall& c, std::span<Array> results) {
                const double start = c.number("start"), step = c.number("step");
                std::vector<double>& out = results[0].data;
                for (size_t i = 0; i < out.size(); ++i) out[i] = start + static_cast<double>(i) * step;
              },
          .formula = "start + i · step, up to but without end"};
}

// ---- non_zero. The size of its result is the data's, so that x must be known.

OpDef non_zero_op() {
  return {.name = "non_zero",
          .params = {Param::setting("x", kValues)},
          .infer = [](const OpCall& c) -> Result<std::vector<TensorType>> {
            const std::vector<double> x = c.constant("x").numbers();
            const auto count = int64_t(x.size()) - std::ranges::count(x, 0.0);
            return {{{DType::int32, {count, c.rank("x")}}}};
          },
          .evaluate =
              [](const OpCall& c, std::span<Array> results) {
                const std::vector<double> x = c.constant("x").numbers();
                const std::vector<int64_t> strides = packed_strides(c.shape("x"));
                auto out = results[0].data.begin();
                for (size_t i = 0; i < x.size(); ++i) {
                  if (x[i] == 0) continue;
                  for (size_t d = 0; d < strides.size(); ++d) {
                    *out++ = static_cast<double>(int64_t(i) / strides[d] % c.shape("x")[d]);
                  }
                }
              },
          .formula = "the indices of what is not 0 in a constant x, a row each"};
}

}  // namespace

std::vector<OpDef> fill_ops() { return {one_hot_op(), fill_op(), fill_like_op(), range_op(), non_zero_op()}; }

}  // namespace anemone::mil
