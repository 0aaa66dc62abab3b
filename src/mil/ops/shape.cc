// Constants, casts and all that leaves the data in its order.
#include <fmt/format.h>

#include <algorithm>

#include "mil/gradient.h"
#include "mil/ops/families.h"

namespace anemone::mil {
namespace {

// `const` has no rule of its own: its value carries type and data.
OpDef const_op() {
  return {.name = "const",
          .params = {},
          .infer = [](const OpCall&) -> Result<std::vector<TensorType>> { return fail("const: give it a value"); },
          .evaluate = [](const OpCall&, std::span<Array>) {},
          .formula = "a constant"};
}

void copy_data(const OpCall& c, std::span<Array> results) { results[0].data = c.array("x").data; }

OpDef identity_op() {
  return {.name = "identity",
          .params = {Param::operand("x")},
          .infer = same_as_x,
          .evaluate = copy_data,
          .gradient = [](GradientUse& use) { use.add("x", use.d()); },
          .formula = "x"};
}

// The narrow integers came with ios17.
constexpr DTypes kOldTargets = kNumbers | kBool;
constexpr DTypes kTargets = kOldTargets | kIndices;

Result<std::vector<TensorType>> infer_cast(const OpCall& c, DTypes targets) {
  const auto dtype = parse_dtype(c.text("dtype"));
  if (dtype && targets.contains(*dtype)) return {{{*dtype, c.shape("x")}}};
  return fail("cast: dtype is \"{}\", expected {}", c.text("dtype"), to_string(targets));
}

// To an integer: toward zero, saturating. To bool: non-zero is true. Narrower floats are rounded by the interpreter.
void evaluate_cast(const OpCall& c, std::span<Array> results) {
  const DType to = results[0].type.dtype;
  std::ranges::transform(c.array("x").data, results[0].data.begin(),
                         [to](double x) { return is_float(to) ? x : Tensor::scalar(to, x).number(0); });
}

OpDef cast_op(int since) {
  const DTypes targets = since < 17 ? kOldTargets : kTargets;
  return {.name = "cast",
          .params = {Param::operand("x"), Param::setting("dtype", kString)},
          .infer = [targets](const OpCall& c) { return infer_cast(c, targets); },
          .evaluate = evaluate_cast,
          .gradient = [](GradientUse& use) { use.add("x", use.d()); },
          .since = since,
          .formula = "x as dtype"};
}

// ---- The same data in another shape.

using ToShape = Result<Shape> (*)(const OpCall&);

OpDef::Infer same_data(ToShape to_shape) {
  return [to_shape](const OpCall& c) -> Result<std::vector<TensorType>> {
    return {{{c.type("x").dtype, TRY(to_shape(c))}}};
  };
}

void reshape_backward(GradientUse& use) { use.add("x", reshape(use.d(), use.call.shape("x"))); }

std::string list(const OpCall& c, std::string_view name) {
  return fmt::format("[{}]", fmt::join(c.integers(name), ", "));
}

// `to` for the elements of x, its one −1 worked out.
Result<Shape> fitted(const OpCall& c, Shape to) {
  constexpr int64_t kMost = int64_t{1} << 48;
  const int64_t elements = c.type("x").count();
  int64_t known = 1;
  int64_t* open = nullptr;
  for (int64_t& size : to) {
    if (size == -1 && open == nullptr) {
      open = &size;
    } else if (size < 0) {
      return fail("reshape: shape {} has a dimension {}", list(c, "shape"), size);
    } else if (size > 0 && known > kMost / size) {
      return fail("reshape: {} does not fit {}", to_string(c.shape("x")), list(c, "shape"));
    } else {
      known *= size;
    }
  }
  if (open != nullptr && known > 0) *open = elements / known;
  if (known == 0 ? open != nullptr || elements != 0 : count(to) != elements) {
    return fail("reshape: {} does not fit {}", to_string(c.shape("x")), list(c, "shape"));
  }
  return to;
}

// A 0 copies that dimension of x.
Result<Shape> reshape_shape(const OpCall& c) {
  const Shape& from = c.shape("x");
  Shape to = c.integers("shape");
  if (std::ranges::count(to, 0) > 0 && to.size() != from.size()) {
    return fail("reshape: a 0 in shape {} needs as many dimensions as x {} has", list(c, "shape"), to_string(from));
  }
  for (size_t d = 0; d < to.size(); ++d) to[d] = to[d] == 0 ? from[d] : to[d];
  return fitted(c, std::move(to));
}

// A 0 copies the dimension of x that stands as far from the right, or is 1: [2, 50] to [1, 0, −1, 0] is [1, 1, 2, 50].
Result<Shape> reshape_shape_aligned_right(const OpCall& c) {
  const Shape& from = c.shape("x");
  Shape to = c.integers("shape");
  for (size_t right = 1; right <= to.size(); ++right) {
    int64_t& size = to[to.size() - right];
    if (size == 0) size = right <= from.size() ? from[from.size() - right] : 1;
  }
  return fitted(c, std::move(to));
}

OpDef reshape_op(int since, ToShape to_shape, std::string_view formula) {
  return {.name = "reshape",
          .params = {Param::operand("x"), Param::setting("shape", kInt32)},
          .infer = same_data(to_shape),
          .evaluate = copy_data,
          .gradient = reshape_backward,
          .since = since,
          .formula = formula};
}

// A reshape whose shape follows from something else.
OpDef reshaping(std::string_view name, std::vector<Param> params, ToShape to_shape, std::string_view formula,
                int since = kOldestOpset) {
  params.insert(params.begin(), Param::operand("x"));
  return {.name = name,
          .params = std::move(params),
          .infer = same_data(to_shape),
          .evaluate = copy_data,
          .gradient = reshape_backward,
          .compose = [to_shape](OpUse& use) -> std::vector<Value> { return {reshape(use["x"], *to_shape(use.call))}; },
          .since = since,
          .formula = formula};
}

// The dimensions begin to end of each reference, as Python's slices take them; to its last where masked.
Result<Shape> reshape_like_shape(const OpCall& c) {
  const auto refs = c.operands("ref_tensors"), begins = c.operands("begins"), ends = c.operands("ends"),
             masks = c.operands("end_masks");
  if (begins.size() != refs.size() || ends.size() != refs.size() || masks.size() != refs.size()) {
    return fail("reshape_like: begins, ends and end_masks need {} values, one for each of ref_tensors", refs.size());
  }
  Shape to;
  for (size_t i = 0; i < refs.size(); ++i) {
    const Shape& ref = refs[i].type.shape;
    const auto rank = static_cast<int64_t>(ref.size());
    const auto at = [rank](const OpCall::Operand& position) {
      const auto p = static_cast<int64_t>(position.constant->number(0));
      return std::clamp(p < 0 ? p + rank : p, int64_t{0}, rank);
    };
    const int64_t end = masks[i].constant->number(0) != 0 ? rank : at(ends[i]);
    for (int64_t d = at(begins[i]); d < end; ++d) to.push_back(ref[size_t(d)]);
  }
  if (const auto bytes = checked_bytes({c.type("x").dtype, to}); !bytes || count(to) != c.type("x").count()) {
    return fail("reshape_like: {} does not fit {}", to_string(c.shape("x")), to_string(to));
  }
  return to;
}

OpDef reshape_like_op() {
  const auto number_each = [](std::string_view name, DTypes accepts) {
    return Param::one_number(name, accepts).several();
  };
  return reshaping("reshape_like",
                   {Param{.name = "ref_tensors", .need = Need::type, .tuple = true}, number_each("begins", kInt32),
                    number_each("ends", kInt32), number_each("end_masks", kBool)},
                   reshape_like_shape, "x in the shape of ref.shape[begin : end] of each reference, joined", 16);
}

// Whether each of `rank` axes is named in axes; an axis may not be named twice.
Result<std::vector<bool>> named_axes(std::string_view op, const OpCall& c, int64_t rank) {
  std::vector<bool> named(size_t(rank), false);
  for (int64_t given : c.integers("axes")) {
    const int64_t axis = TRY(normalize_axis(op, given, rank));
    if (named[size_t(axis)]) return fail("{}: axis {} stands twice in axes", op, axis);
    named[size_t(axis)] = true;
  }
  return named;
}

// `axes` are positions in the result.
Result<Shape> expanded_shape(const OpCall& c) {
  const int64_t rank = c.rank("x") + static_cast<int64_t>(c.constant("axes").type().count());
  const std::vector<bool> is_new = TRY(named_axes("expand_dims", c, rank));
  Shape shape;
  auto next = c.shape("x").begin();
  for (bool one : is_new) shape.push_back(one ? 1 : *next++);
  return shape;
}

Result<Shape> squeezed_shape(const OpCall& c) {
  std::vector<bool> removed(c.shape("x").size(), true);
  if (c.has("axes")) removed = TRY(named_axes("squeeze", c, c.rank("x")));
  Shape shape;
  for (size_t d = 0; d < removed.size(); ++d) {
    if (!removed[d] || c.shape("x")[d] != 1) shape.push_back(c.shape("x")[d]);
  }
  return shape;
}

Result<Shape> flat_shape(const OpCall& c) {
  const Shape& x = c.shape("x");
  int64_t axis = c.integer("axis");
  if (axis != c.rank("x")) axis = TRY(normalize_axis("flatten2d", axis, c.rank("x")));
  return Shape{count({x.begin(), x.begin() + axis}), count({x.begin() + axis, x.end()})};
}

OpDef shape_op() {
  return {
      .name = "shape",
      .params = {Param{.name = "x", .need = Need::type}},
      .infer = [](const OpCall& c) -> Result<std::vector<TensorType>> {
        return {{{DType::int32, {c.rank("x")}}}};
      },
      .evaluate = [](const OpCall& c,
                     std::span<Array> results) { std::ranges::copy(c.shape("x"), results[0].data.begin()); },
      .compose = [](OpUse& use) -> std::vector<Value> { return {use.b.constant(Tensor::ints(use.call.shape("x")))}; },
      .formula = "the dimensions of x"};
}

}  // namespace

std::vector<OpDef> shape_ops() {
  return {
      const_op(),
      identity_op(),
      cast_op(15),
      cast_op(17),
      reshape_op(15, reshape_shape, "x in another shape; −1 is what remains, 0 copies that dimension"),
      reshape_op(17, reshape_shape_aligned_right,
                 "x in another shape; −1 is what remains, 0 copies the dimension as far from the right"),
      reshape_like_op(),
      reshaping("expand_dims", {Param::setting("axes", kInt32)}, expanded_shape, "x with new dimensions 1 at axes"),
      reshaping("squeeze", {Param::setting("axes", kInt32).maybe()}, squeezed_shape,
                "x without the dimensions 1 among axes"),
      reshaping("flatten2d", {Param::setting("axis", kInt32, Tensor::integer(1))}, flat_shape,
                "x as [∏ dimensions before axis, ∏ from axis]"),
      shape_op(),
  };
}

}  // namespace anemone::mil
