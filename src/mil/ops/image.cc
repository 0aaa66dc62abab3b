// Resizing: each of the last dimensions is sampled on a grid of its own.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>

#include "mil/gradient.h"
#include "mil/ops/families.h"
#include "mil/ops/grid.h"

namespace anemone::mil {

Result<> check_sampling_mode(std::string_view op, const OpCall& c) {
  constexpr std::array<std::string_view, 5> kModes{"STRICT_ALIGN_CORNERS", "ALIGN_CORNERS", "DEFAULT", "OFFSET_CORNERS",
                                                   "UNALIGN_CORNERS"};
  const std::string_view mode = c.text("sampling_mode");
  if (std::ranges::count(kModes, mode) == 1) return {};
  return fail("{}: sampling_mode is \"{}\", expected {}", op, mode, fmt::join(kModes, ", "));
}

// Of a single point STRICT_ALIGN_CORNERS says nothing: here it is the first element, as in TensorFlow's align_corners.
GridPoint::GridPoint(std::string_view mode, int64_t i, int64_t n)
    : numerator(static_cast<double>(i)), denominator(static_cast<double>(n)) {
  if (mode == "STRICT_ALIGN_CORNERS" || mode == "ALIGN_CORNERS") {
    if (n == 1 && mode == "ALIGN_CORNERS") numerator = 0.5;
    denominator = std::max(1.0, denominator - 1);
  } else if (mode == "DEFAULT") {
    extra = 1;
  } else {
    numerator += 0.5;
    if (mode == "OFFSET_CORNERS") least = 1;
    if (mode == "UNALIGN_CORNERS") extra = 1, shift = -0.5;
  }
}

namespace {

enum class Choice : uint8_t {
  between,  // linear interpolation between the neighbours
  below,    // the neighbour below
  nearest,  // the nearer one, the upper of two equally near: MIL leaves that open
};

// How the last dimensions become `sizes`.
struct Resizing {
  std::vector<int64_t> sizes;
  std::string_view mode = "DEFAULT";
  Choice choice = Choice::between;
};

// (1 − weight)·x[low] + weight·x[high]. A point on an element takes that twice by half: it keeps infinities, and does
// not meet those next to it.
struct Tap {
  int64_t low, high;
  double weight;
};

std::vector<Tap> taps(const Resizing& r, int64_t from, int64_t to) {
  std::vector<Tap> result;
  for (int64_t i = 0; i < to; ++i) {
    const double point = GridPoint(r.mode, i, to).at(static_cast<double>(from - 1));
    const auto low = static_cast<int64_t>(r.choice == Choice::nearest ? point + 0.5 : point);
    const double past = point - static_cast<double>(low);
    const bool mixed = r.choice == Choice::between && past > 0;
    result.push_back(mixed ? Tap{low, low + 1, past} : Tap{low, low, 0.5});
  }
  return result;
}

using Plan = Result<Resizing> (*)(const OpCall&);

Result<std::vector<TensorType>> infer_resize(std::string_view op, const OpCall& c, const Resizing& r) {
  Shape shape = c.shape("x");
  if (shape.size() < r.sizes.size()) {
    return fail("{}: x {} has not the {} dimensions to resize", op, to_string(shape), r.sizes.size());
  }
  const size_t first = shape.size() - r.sizes.size();
  for (size_t d = 0; d < r.sizes.size(); ++d) {
    int64_t& size = shape[first + d];
    if (size < 1) return fail("{}: x {} has no elements", op, to_string(c.shape("x")));
    if (r.sizes[d] < 1) return fail("{}: dimension {} would have the size {}", op, first + d, r.sizes[d]);
    size = r.sizes[d];
  }
  return {{{c.type("x").dtype, shape}}};
}

// Calls visit(axis, taps) for each resized axis of x.
template <class Visit>
void for_each_axis(const Resizing& r, const Shape& x, const Visit& visit) {
  for (size_t d = 0; d < r.sizes.size(); ++d) {
    const size_t axis = x.size() - r.sizes.size() + d;
    visit(axis, taps(r, x[axis], r.sizes[d]));
  }
}

Array sampled(const Array& x, size_t axis, const std::vector<Tap>& taps) {
  const int64_t from = x.type.shape[axis], after = packed_strides(x.type.shape)[axis];
  Array out{x.type, {}};
  out.type.shape[axis] = static_cast<int64_t>(taps.size());
  out.data.reserve(size_t(out.type.count()));
  for (int64_t slab = 0; slab < x.type.count(); slab += from * after) {
    for (const Tap& tap : taps) {
      const double* low = x.data.data() + slab + tap.low * after;
      const double* high = x.data.data() + slab + tap.high * after;
      for (int64_t q = 0; q < after; ++q) out.data.push_back((1 - tap.weight) * low[q] + tap.weight * high[q]);
    }
  }
  return out;
}

void evaluate_resize(const OpCall& c, const Resizing& r, std::span<Array> results) {
  Array x = c.array("x");
  for_each_axis(r, x.type.shape, [&](size_t axis, const auto& taps) { x = sampled(x, axis, taps); });
  results[0].data = std::move(x.data);
}

Value gather(Value x, const std::vector<int64_t>& indices, size_t axis) {
  return x.builder().apply("gather",
                           {{"x", x}, {"indices", Tensor::ints(indices)}, {"axis", Tensor::integer(int64_t(axis))}});
}

// The lower neighbours and, between elements, the upper ones, by weights along the axis.
Value sampled(Value x, size_t axis, const std::vector<Tap>& taps, Choice choice) {
  std::vector<int64_t> low, high;
  std::vector<double> weights, rest;
  for (const Tap& tap : taps) {
    low.push_back(tap.low);
    high.push_back(tap.high);
    weights.push_back(tap.weight);
    rest.push_back(1 - tap.weight);
  }
  if (choice != Choice::between) return gather(x, low, axis);
  TensorType along{x.dtype(), Shape(x.shape().size(), 1)};
  along.shape.at(axis) = static_cast<int64_t>(taps.size());
  const auto constant = [&](const std::vector<double>& numbers) {
    return x.builder().constant(Tensor::from_numbers(along, numbers));
  };
  return gather(x, low, axis) * constant(rest) + gather(x, high, axis) * constant(weights);
}

Value compose_resize(OpUse& use, const Resizing& r) {
  Value x = use["x"];
  for_each_axis(r, use.call.shape("x"), [&](size_t axis, const auto& taps) {
    if (use.b.ok()) x = sampled(x, axis, taps, r.choice);
  });
  return x;
}

// Rᵀ of an axis's resizing y = R·x: [from, to].
Tensor transposed_matrix(const std::vector<Tap>& taps, int64_t from, DType dtype) {
  const auto to = static_cast<int64_t>(taps.size());
  std::vector<double> matrix(size_t(from * to));
  for (int64_t i = 0; i < to; ++i) {
    const Tap& tap = taps[size_t(i)];
    matrix[size_t(tap.low * to + i)] += 1 - tap.weight;
    matrix[size_t(tap.high * to + i)] += tap.weight;
  }
  return Tensor::from_numbers({dtype, {from, to}}, matrix);
}

// matrix [m, n] times x along an axis of n.
Value product_along(Value matrix, Value x, size_t axis) {
  Shape shape = x.shape();
  const int64_t n = shape.at(axis), after = packed_strides(shape).at(axis), before = count(shape) / (n * after);
  shape[axis] = matrix.dim(0);
  const bool last = axis + 1 == shape.size();
  return reshape(last ? matmul_nt(reshape(x, {before, n}), matrix) : matmul(matrix, reshape(x, {before, n, after})),
                 shape);
}

// Resizing is linear and separable: dx = Rᵀ·dy along each axis.
void resize_backward(GradientUse& use, const Resizing& r) {
  Value dx = use.d();
  for_each_axis(r, use.call.shape("x"), [&](size_t axis, const auto& taps) {
    if (!use.b.ok()) return;
    const Tensor matrix = transposed_matrix(taps, use.call.shape("x")[axis], dx.dtype());
    dx = product_along(use.b.constant(matrix), dx, axis);
  });
  use.add("x", dx);
}

OpDef resizing(std::string_view name, std::vector<Param> params, Plan plan, int since, std::string_view formula) {
  return {.name = name,
          .params = std::move(params),
          .infer = [name, plan](const OpCall& c) -> Result<std::vector<TensorType>> {
            return infer_resize(name, c, TRY(plan(c)));
          },
          .evaluate = [plan](const OpCall& c, std::span<Array> results) { evaluate_resize(c, *plan(c), results); },
          .gradient = [plan](GradientUse& use) { resize_backward(use, *plan(use.call)); },
          .compose = [plan](OpUse& use) -> std::vector<Value> { return {compose_resize(use, *plan(use.call))}; },
          .since = since,
          .formula = formula};
}

Result<> check_image(std::string_view op, const OpCall& c) {
  if (c.rank("x") >= 3) return {};
  return fail("{}: x {} needs rank 3 or more", op, to_string(c.shape("x")));
}

// ---- By factors: ⌊D·s⌋. A fractional factor is an fp32, and so is the product: 10 · 0.7 is 7.

Result<int64_t> scaled_size(std::string_view op, const OpCall& c, int64_t size, std::string_view factor) {
  const double scaled = std::floor(static_cast<float>(double(size) * c.number(factor)));
  if (scaled >= 1 && scaled <= INT32_MAX) return static_cast<int64_t>(scaled);
  return fail("{}: {} of {} makes {} of {}", op, factor, c.number(factor), scaled, size);
}

Result<std::vector<int64_t>> scaled_sizes(std::string_view op, const OpCall& c) {
  TRY(check_image(op, c));
  const Shape& x = c.shape("x");
  const int64_t height = TRY(scaled_size(op, c, x[x.size() - 2], "scale_factor_height"));
  const int64_t width = TRY(scaled_size(op, c, x.back(), "scale_factor_width"));
  return {{height, width}};
}

Result<Resizing> upsample_nearest_neighbor(const OpCall& c) {
  return Resizing{TRY(scaled_sizes("upsample_nearest_neighbor", c)), "DEFAULT", Choice::below};
}

// ios15 has no half_pixel_centers; it has half pixels where corners are not aligned, as ios16 has by default.
Result<Resizing> upsample_bilinear(const OpCall& c) {
  const bool align = c.flag("align_corners");
  const bool half = c.has("half_pixel_centers") ? c.flag("half_pixel_centers") : !align;
  if (align && half) return fail("upsample_bilinear: align_corners and half_pixel_centers exclude each other");
  return Resizing{TRY(scaled_sizes("upsample_bilinear", c)), align  ? "STRICT_ALIGN_CORNERS"
                                                             : half ? "UNALIGN_CORNERS"
                                                                    : "DEFAULT"};
}

std::vector<Param> upsample_params() {
  constexpr DTypes kFactors{DType::int32, DType::fp32};
  return {Param::operand("x", kFloats), Param::setting("scale_factor_height", kFactors, Tensor::integer(1)),
          Param::setting("scale_factor_width", kFactors, Tensor::integer(1))};
}

std::vector<Param> upsample_bilinear_params(int since) {
  std::vector<Param> params = upsample_params();
  params.push_back(Param::setting("align_corners", kBool, Tensor::boolean(true)));
  if (since >= 16) params.push_back(Param::one_number("half_pixel_centers", kBool).maybe());
  return params;
}

// ---- To sizes.

std::vector<int64_t> target_sizes(const OpCall& c) {
  return {c.integer("target_size_height"), c.integer("target_size_width")};
}

Result<Resizing> resize_nearest_neighbor(const OpCall& c) {
  TRY(check_image("resize_nearest_neighbor", c));
  return Resizing{target_sizes(c), "DEFAULT", Choice::below};
}

Result<Resizing> resize_bilinear(const OpCall& c) {
  TRY(check_image("resize_bilinear", c));
  TRY(check_sampling_mode("resize_bilinear", c));
  return Resizing{target_sizes(c), c.text("sampling_mode")};
}

// The last `resized_dims` dimensions of x become the last of `shape`; a 0 there keeps x's.
Result<Resizing> resize(const OpCall& c) {
  TRY(check_sampling_mode("resize", c));
  const std::string_view interpolation = c.text("interpolation_mode");
  if (interpolation != "LINEAR" && interpolation != "NEAREST_NEIGHBOR") {
    return fail("resize: interpolation_mode is \"{}\", expected LINEAR or NEAREST_NEIGHBOR", interpolation);
  }
  const std::vector<int64_t> shape = c.integers("shape");
  const Shape& x = c.shape("x");
  const int64_t dims = c.integer("resized_dims");
  if (dims > int64_t(shape.size()) || dims > c.rank("x")) {
    return fail("resize: shape [{}] and x {} have not the {} dimensions of resized_dims", fmt::join(shape, ", "),
                to_string(x), dims);
  }
  std::vector<int64_t> sizes(shape.end() - dims, shape.end());
  for (size_t d = 0; d < sizes.size(); ++d) {
    if (sizes[d] == 0) sizes[d] = x[x.size() - sizes.size() + d];
  }
  return Resizing{std::move(sizes), c.text("sampling_mode"),
                  interpolation == "LINEAR" ? Choice::between : Choice::nearest};
}

std::vector<Param> resize_params() {
  const DTypes sizes = kInt32 | DTypes{DType::int16, DType::uint16, DType::uint32};
  return {Param::operand("x", kFloats), Param::setting("shape", sizes),
          Param::one_number("resized_dims", DTypes{DType::uint32}),
          Param::setting("interpolation_mode", kString, Tensor::text("LINEAR")),
          Param::setting("sampling_mode", kString, Tensor::text("DEFAULT"))};
}

}  // namespace

std::vector<OpDef> image_ops() {
  return {
      resizing("upsample_nearest_neighbor", upsample_params(), upsample_nearest_neighbor, 15,
               "y[.., i, j] = x[.., ⌊i·H/⌊s·H⌋⌋, ⌊j·W/⌊s·W⌋⌋]"),
      resizing("upsample_bilinear", upsample_bilinear_params(15), upsample_bilinear, 15,
               "x, interpolated on a grid of ⌊s·H⌋ × ⌊s·W⌋ points"),
      resizing("upsample_bilinear", upsample_bilinear_params(16), upsample_bilinear, 16,
               "x, interpolated on a grid of ⌊s·H⌋ × ⌊s·W⌋ points"),
      resizing("resize_nearest_neighbor",
               {Param::operand("x", kFloats), Param::one_number("target_size_height", kInt32),
                Param::one_number("target_size_width", kInt32)},
               resize_nearest_neighbor, 15, "y[.., i, j] = x[.., ⌊i·H/height⌋, ⌊j·W/width⌋]"),
      resizing("resize_bilinear",
               {Param::operand("x", kFloats), Param::setting("target_size_height", kInt32, Tensor::integer(1)),
                Param::setting("target_size_width", kInt32, Tensor::integer(1)),
                Param::setting("sampling_mode", kString, Tensor::text("DEFAULT"))},
               resize_bilinear, 15, "x, interpolated on a grid of height × width points"),
      resizing("resize", resize_params(), resize, 17, "x, interpolated on a grid of the sizes of `shape`"),
  };
}

}  // namespace anemone::mil
