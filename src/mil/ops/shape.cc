// Constants, casts and all that moves data without arithmetic.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>

#include "mil/ops/families.h"

namespace anemone::mil {
namespace {

// `const` has no rule of its own: its value carries type and data.
OpDef const_op() {
  return {"const",
          {},
          [](const OpCall&) -> Result<std::vector<TensorType>> { return fail("const: give it a value"); },
          [](const OpCall&, std::span<Array>) {}};
}

OpDef identity_op() {
  return {"identity",
          {Param::operand("x")},
          [](const OpCall& c) -> Result<std::vector<TensorType>> { return {{c.type("x")}}; },
          [](const OpCall& c, std::span<Array> results) { results[0].data = c.array("x").data; }};
}

Result<std::vector<TensorType>> infer_cast(const OpCall& c) {
  constexpr std::array kTargets{DType::int32, DType::fp16,  DType::fp32,  DType::boolean,
                                DType::int8,  DType::uint8, DType::int16, DType::uint16};
  const auto dtype = parse_dtype(c.text("dtype"));
  if (!dtype || std::ranges::count(kTargets, *dtype) == 0) {
    return fail("cast: dtype is \"{}\", expected int32, fp16, fp32, bool, int8, uint8, int16 or uint16",
                c.text("dtype"));
  }
  return {{{*dtype, c.type("x").shape}}};
}

// To an integer: toward zero, saturating. To bool: non-zero is true. Narrower floats are rounded by the interpreter.
void evaluate_cast(const OpCall& c, std::span<Array> results) {
  const DType to = results[0].type.dtype;
  std::ranges::transform(c.array("x").data, results[0].data.begin(),
                         [to](double x) { return is_float(to) ? x : Tensor::scalar(to, x).number(0); });
}

OpDef cast_op() { return {"cast", {Param::operand("x"), Param::setting("dtype", kString)}, infer_cast, evaluate_cast}; }

std::string list(const OpCall& c, std::string_view name) {
  return fmt::format("[{}]", fmt::join(c.integers(name), ", "));
}

// One dimension may be −1; 0 copies that of x, aligned right: [2, 50] to [1, 0, −1, 0] is [1, 1, 2, 50].
Result<std::vector<TensorType>> infer_reshape(const OpCall& c) {
  const Shape& from = c.type("x").shape;
  Shape to = c.integers("shape");
  const size_t before = std::max(to.size(), from.size()) - from.size();
  const size_t skipped = std::max(to.size(), from.size()) - to.size();
  int64_t known = 1;
  int64_t* open = nullptr;
  for (size_t d = 0; d < to.size(); ++d) {
    if (to[d] == 0) to[d] = d < before ? 1 : from[d + skipped - before];
    if (to[d] == -1 && open == nullptr) {
      open = &to[d];
    } else if (to[d] < 1) {
      return fail("reshape: shape {} has a dimension {}", list(c, "shape"), to[d]);
    } else if (to[d] > count(from) / known) {
      return fail("reshape: {} does not fit {}", to_string(from), list(c, "shape"));
    } else {
      known *= to[d];
    }
  }
  if (open != nullptr) *open = count(from) / known;
  if (count(to) != count(from)) {
    return fail("reshape: {} does not fit {}", to_string(from), list(c, "shape"));
  }
  return {{{c.type("x").dtype, to}}};
}

OpDef reshape_op() {
  return {"reshape",
          {Param::operand("x"), Param::setting("shape", kInt32)},
          infer_reshape,
          [](const OpCall& c, std::span<Array> results) { results[0].data = c.array("x").data; }};
}

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

// out[i0, i1, …] = x at the sum of i_d · strides[d], plus `start`.
void gather_strided(const Array& x, int64_t start, const std::vector<int64_t>& strides, Array& out) {
  const Shape& shape = out.type.shape;
  const std::vector<int64_t> packed = packed_strides(shape);
  for (int64_t i = 0; i < out.type.count(); ++i) {
    int64_t at = start;
    for (size_t d = 0; d < shape.size(); ++d) at += i / packed[d] % shape[d] * strides[d];
    out.data[size_t(i)] = x.data[size_t(at)];
  }
}

OpDef transpose_op() {
  return {"transpose",
          {Param::operand("x"), Param::setting("perm", kInt32)},
          infer_transpose,
          [](const OpCall& c, std::span<Array> results) {
            const std::vector<int64_t> from = packed_strides(c.type("x").shape);
            const std::vector<int64_t> perm = *permutation(c);
            std::vector<int64_t> strides;
            for (int64_t axis : perm) strides.push_back(from[size_t(axis)]);
            gather_strided(c.array("x"), 0, strides, results[0]);
          }};
}

struct Slice {
  std::vector<int64_t> begin;
  Shape size;
};

// A negative begin counts from the end; size −1 reaches to it.
Result<Slice> slice_of(const OpCall& c) {
  const Shape& x = c.type("x").shape;
  Slice s{c.integers("begin"), c.integers("size")};
  if (s.begin.size() != x.size() || s.size.size() != x.size()) {
    return fail("slice_by_size: begin and size need {} numbers", x.size());
  }
  for (size_t d = 0; d < x.size(); ++d) {
    if (s.begin[d] < 0) s.begin[d] += x[d];
    if (s.size[d] == -1) s.size[d] = x[d] - s.begin[d];
    if (s.begin[d] < 0 || s.size[d] < 1 || s.begin[d] + s.size[d] > x[d]) {
      return fail("slice_by_size: begin {} and size {} leave {}", list(c, "begin"), list(c, "size"), to_string(x));
    }
  }
  return s;
}

OpDef slice_by_size_op() {
  return {"slice_by_size",
          {Param::operand("x"), Param::setting("begin", kInt32), Param::setting("size", kInt32)},
          [](const OpCall& c) -> Result<std::vector<TensorType>> {
            return {{{c.type("x").dtype, TRY(slice_of(c)).size}}};
          },
          [](const OpCall& c, std::span<Array> results) {
            const std::vector<int64_t> strides = packed_strides(c.type("x").shape);
            const Slice s = *slice_of(c);
            int64_t start = 0;
            for (size_t d = 0; d < strides.size(); ++d) start += s.begin[d] * strides[d];
            gather_strided(c.array("x"), start, strides, results[0]);
          }};
}

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

// Without interleave the values' slabs stand one after another; with it, out[i·n + k] = values[k][i].
void evaluate_concat(const OpCall& c, std::span<Array> results) {
  const auto values = c.operands("values");
  const Shape& shape = results[0].type.shape;
  const auto axis = size_t(*normalize_axis("concat", c.integer("axis"), int64_t(shape.size())));
  const int64_t inner = packed_strides(shape)[axis];
  const int64_t outer = count({shape.begin(), shape.begin() + int64_t(axis)});
  double* to = results[0].data.data();
  for (int64_t o = 0; o < outer; ++o) {
    const int64_t rounds = c.flag("interleave") ? values[0].type.shape[axis] : 1;
    for (int64_t i = 0; i < rounds; ++i) {
      for (const OpCall::Operand& value : values) {
        const int64_t run = value.type.shape[axis] * inner / rounds;
        to = std::copy_n(value.array->data.data() + (o * rounds + i) * run, run, to);
      }
    }
  }
}

OpDef concat_op() {
  return {"concat",
          {Param::operand("values", kAny, 'T').several(), Param::setting("axis", kInt32),
           Param::setting("interleave", kBool, Tensor::boolean(false))},
          infer_concat,
          evaluate_concat};
}

}  // namespace

std::vector<OpDef> shape_ops() {
  return {const_op(), identity_op(), cast_op(), reshape_op(), transpose_op(), slice_by_size_op(), concat_op()};
}

}  // namespace anemone::mil
