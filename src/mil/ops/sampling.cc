// Sampling of images at points that operands name: crop_resize, resample, affine.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>

#include "mil/gradient.h"
#include "mil/ops/families.h"
#include "mil/ops/grid.h"

namespace anemone::mil {
namespace {

Result<> check_word(std::string_view op, const OpCall& c, std::string_view name,
                    std::initializer_list<std::string_view> words) {
  if (std::ranges::count(words, c.text(name)) == 1) return {};
  return fail("{}: {} is \"{}\", expected {}", op, name, c.text(name), fmt::join(words, ", "));
}

Result<> check_image(std::string_view op, const OpCall& c) {
  if (c.rank("x") == 4 && c.type("x").count() > 0) return {};
  return fail("{}: x {} needs rank 4, and elements", op, to_string(c.shape("x")));
}

Result<> check_size(std::string_view op, const OpCall& c, std::string_view name) {
  if (c.integer(name) >= 1) return {};
  return fail("{}: {} is {}, expected 1 or more", op, name, c.integer(name));
}

// ---- resample: x [B, C, H, W], coordinates [B, h, w, 2], each (x, y) → [B, C, h, w].

enum class Padding : uint8_t { constant, border, reflection, symmetric };

// The pixel of an axis of `size` that stands for pixel `at`, which may lie outside; −1 for the padding value.
int64_t padded(Padding padding, int64_t at, int64_t size) {
  if (padding == Padding::constant) return at < 0 || at >= size ? -1 : at;
  if (padding == Padding::border || size == 1) return std::clamp<int64_t>(at, 0, size - 1);
  // 2 1 | 0 1 2 | 1 0 for reflection, 1 0 | 0 1 2 | 2 1 where the edge is doubled.
  const int64_t doubled = padding == Padding::symmetric ? 1 : 0;
  const int64_t period = 2 * (size - 1 + doubled);
  const int64_t phase = (at % period + period) % period;
  return phase < size ? phase : period - doubled - phase;
}

// Points beyond are moved here, where int32 and fp32 hold whole pixels.
constexpr double kFar = 0x1p30;

// A coordinate as pixel = scale · u + shift.
struct PixelScale {
  double scale, shift;
};

PixelScale pixel_scale(std::string_view mode, bool align_corners, int64_t size) {
  const auto n = static_cast<double>(size);
  if (mode == "normalized_minus_one_to_one") {
    return align_corners ? PixelScale{(n - 1) / 2, (n - 1) / 2} : PixelScale{n / 2, (n - 1) / 2};
  }
  if (mode == "normalized_zero_to_one") return align_corners ? PixelScale{n - 1, 0} : PixelScale{n, -0.5};
  return {1, 0};
}

struct Sampling {
  bool nearest = false;
  Padding padding = Padding::constant;
  double padding_value = 0;
};

struct Plane {
  const double* pixels;
  int64_t height, width;
};

double pixel(const Sampling& s, const Plane& plane, int64_t y, int64_t x) {
  y = padded(s.padding, y, plane.height);
  x = padded(s.padding, x, plane.width);
  return y < 0 || x < 0 ? s.padding_value : plane.pixels[y * plane.width + x];
}

// NaN lies outside.
int64_t below(double point) { return std::isnan(point) ? -1 : static_cast<int64_t>(std::floor(point)); }

// Padding applies to each of the four neighbours. Of two equally near the upper is the nearest, which MIL leaves open.
double sample(const Sampling& s, const Plane& plane, double y, double x) {
  y = std::clamp(y, -kFar, kFar);
  x = std::clamp(x, -kFar, kFar);
  if (s.nearest) return pixel(s, plane, below(y + 0.5), below(x + 0.5));
  const int64_t top = below(y), left = below(x);
  const double v = y - static_cast<double>(top), u = x - static_cast<double>(left);
  const auto row = [&](int64_t i) { return (1 - u) * pixel(s, plane, i, left) + u * pixel(s, plane, i, left + 1); };
  return (1 - v) * row(top) + v * row(top + 1);
}

Sampling resampling(const OpCall& c) {
  const std::string_view padding = c.text("padding_mode");
  return {.nearest = c.text("sampling_mode") == "nearest",
          .padding = padding == "border"       ? Padding::border
                     : padding == "reflection" ? Padding::reflection
                     : padding == "symmetric"  ? Padding::symmetric
                                               : Padding::constant,
          .padding_value = c.number("padding_value")};
}

Result<std::vector<TensorType>> infer_resample(const OpCall& c) {
  TRY(check_image("resample", c));
  TRY(check_word("resample", c, "sampling_mode", {"bilinear", "nearest"}));
  TRY(check_word("resample", c, "padding_mode", {"constant", "border", "reflection", "symmetric"}));
  TRY(check_word("resample", c, "coordinates_mode",
                 {"unnormalized", "normalized_minus_one_to_one", "normalized_zero_to_one"}));
  TRY(check_word("resample", c, "coordinates_format", {"xy"}));
  TRY(check_word("resample", c, "coordinates_type", {"absolute"}));
  const Shape& x = c.shape("x");
  const Shape& points = c.shape("coordinates");
  if (points.size() != 4 || points[0] != x[0] || points[3] != 2) {
    return fail("resample: coordinates {} must be [{}, height, width, 2]", to_string(points), x[0]);
  }
  return {{{c.type("x").dtype, {x[0], x[1], points[1], points[2]}}}};
}

void evaluate_resample(const OpCall& c, std::span<Array> results) {
  const Shape& x = c.shape("x");
  const Sampling sampling = resampling(c);
  const PixelScale to_y = pixel_scale(c.text("coordinates_mode"), c.flag("align_corners"), x[2]);
  const PixelScale to_x = pixel_scale(c.text("coordinates_mode"), c.flag("align_corners"), x[3]);
  const int64_t points = c.shape("coordinates")[1] * c.shape("coordinates")[2];
  double* out = results[0].data.data();
  for (int64_t plane = 0; plane < x[0] * x[1]; ++plane) {
    const double* at = c.array("coordinates").data.data() + plane / x[1] * points * 2;
    const Plane image{c.array("x").data.data() + plane * x[2] * x[3], x[2], x[3]};
    for (int64_t i = 0; i < points; ++i, at += 2) {
      *out++ = sample(sampling, image, to_y.scale * at[1] + to_y.shift, to_x.scale * at[0] + to_x.shift);
    }
  }
}

// ---- resample by simpler ops: whole pixels as int32, their values by gather from rows of C, weights as floats.

Value apply_two(std::string_view op, Value x, double y) {
  Builder& b = x.builder();
  if (!b.ok()) return {&b, -1};
  return b.apply(op, {{"x", x}, {"y", Tensor::scalar(x.dtype(), y)}});
}
Value at_least(Value x, double least) { return apply_two("maximum", x, least); }
Value at_most(Value x, double most) { return apply_two("minimum", x, most); }
Value clamped(Value x, double low, double high) { return at_most(at_least(x, low), high); }

// 1 where x is not 0, else 0. A NaN is not 0.
Value is_some(Value x, DType dtype) { return cast(cast(x, DType::boolean), dtype); }

// ⌊x⌋ as int32: a cast truncates, which is one too many for what is negative and not whole.
Value whole_below(Value x) {
  const Value whole = cast(x, DType::int32);
  return whole - is_some(at_most(x - cast(whole, x.dtype()), 0), DType::int32);
}

// Pixel `at`, which may lie outside, as one of the axis. Folding: about 0, or between −1 and 0 where the edge is
// doubled; then whole periods away; then what is past the far edge.
Value padded(Padding padding, Value at, int64_t size) {
  const auto last = static_cast<double>(size - 1);
  if (padding == Padding::constant || padding == Padding::border || size == 1) return clamped(at, 0, last);
  const double doubled = padding == Padding::symmetric ? 1 : 0, period = 2 * (last + doubled);
  const Value magnitude = at_least(at, 0) - at_most(at + doubled, 0);
  const Value phase = magnitude - apply_two("real_div", magnitude, period) * period;
  return at_most(phase, last) - at_least(phase - (last + doubled), 0);
}

// The values of whole pixels, for B·n points as rows of C.
class Pixels {
 public:
  Pixels(const Sampling& sampling, Value x, int64_t points)
      : sampling_(sampling), height_(x.dim(2)), width_(x.dim(3)), outside_(x.dim(0) * height_ * width_) {
    const int64_t batch = x.dim(0), channels = x.dim(1);
    rows_ = reshape(transpose(x, {0, 2, 3, 1}), {outside_, channels});
    if (is_bounded()) rows_ = concat({rows_, fill(x.builder(), {x.dtype(), {1, channels}}, sampling.padding_value)}, 0);
    std::vector<double> first(size_t(batch * points));
    for (int64_t i = 0; i < batch * points; ++i) {
      const int64_t image = i / points;
      first[size_t(i)] = double(image * height_ * width_);
    }
    first_ = x.builder().constant(Tensor::from_numbers({DType::int32, {batch * points, 1}}, first));
  }

  Value at(Value y, Value x) const {
    const Value row = padded(sampling_.padding, y, height_), column = padded(sampling_.padding, x, width_);
    const auto width = static_cast<double>(width_);
    Value index = first_ + row * width + column;
    if (is_bounded()) {  // the last row holds the padding value
      const Value is_outside =
          is_some(is_some(y - row, DType::int32) + is_some(x - column, DType::int32), DType::int32);
      index = index + is_outside * (double(outside_) - index);
    }
    return index.builder().apply(
        "gather", {{"x", rows_}, {"indices", reshape(index, {index.dim(0)})}, {"axis", Tensor::integer(0)}});
  }

 private:
  bool is_bounded() const { return sampling_.padding == Padding::constant; }

  Sampling sampling_;
  int64_t height_, width_, outside_;
  Value rows_, first_;
};

std::vector<Value> compose_resample(OpUse& use) {
  const OpCall& c = use.call;
  const Shape x = c.shape("x"), grid = c.shape("coordinates");
  const Sampling sampling = resampling(c);
  const int64_t points = grid[1] * grid[2];
  const Value coordinates = reshape(cast(use["coordinates"], DType::fp32), {x[0] * points, 2});
  const auto pixels_along = [&](size_t which, int64_t size) {
    const PixelScale to = pixel_scale(c.text("coordinates_mode"), c.flag("align_corners"), size);
    return clamped(slice(coordinates, 1, int64_t(which), 1) * to.scale + to.shift, -kFar, kFar);
  };
  const Value px = pixels_along(0, x[3]), py = pixels_along(1, x[2]);
  const Pixels pixels(sampling, use["x"], points);
  Value out;
  if (sampling.nearest) {
    out = pixels.at(whole_below(py + 0.5), whole_below(px + 0.5));
  } else {
    const Value top = whole_below(py), left = whole_below(px);
    const Value v = cast(py - cast(top, DType::fp32), use["x"].dtype());
    const Value u = cast(px - cast(left, DType::fp32), use["x"].dtype());
    const auto row = [&](Value y) { return (1.0 - u) * pixels.at(y, left) + u * pixels.at(y, left + 1); };
    out = (1.0 - v) * row(top) + v * row(top + 1);
  }
  return {transpose(reshape(out, {x[0], grid[1], grid[2], x[1]}), {0, 3, 1, 2})};
}

OpDef resample_op() {
  return {.name = "resample",
          .params = {Param::operand("x", kFloats), Param::operand("coordinates", kFloats | kIndices),
                     Param::setting("sampling_mode", kString), Param::setting("padding_mode", kString),
                     Param::one_number("padding_value", kFloats), Param::setting("coordinates_mode", kString),
                     Param::one_number("align_corners", kBool),
                     Param::setting("coordinates_format", kString, Tensor::text("xy")),
                     Param::setting("coordinates_type", kString, Tensor::text("absolute"))},
          .infer = infer_resample,
          .evaluate = evaluate_resample,
          .compose = compose_resample,
          .formula = "x, interpolated at the points of coordinates"};
}

Value resample(Value x, Value coordinates, std::string_view coordinates_mode, double padding_value) {
  return x.builder().apply("resample", {{"x", x},
                                        {"coordinates", coordinates},
                                        {"sampling_mode", Tensor::text("bilinear")},
                                        {"padding_mode", Tensor::text("constant")},
                                        {"padding_value", Tensor::scalar(x.dtype(), padding_value)},
                                        {"coordinates_mode", Tensor::text(coordinates_mode)},
                                        {"align_corners", Tensor::boolean(true)}});
}

// ---- affine: resamples at (x', y') = (a₀x + a₁y + a₂, b₀x + b₁y + b₂), where x and y run over the result from −1
// to 1.

// A single point is in the middle, as in PyTorch.
double normalized(int64_t i, int64_t n) { return n > 1 ? 2 * double(i) / double(n - 1) - 1 : 0; }

Result<std::vector<TensorType>> infer_affine(const OpCall& c) {
  TRY(check_image("affine", c));
  TRY(check_size("affine", c, "output_height"));
  TRY(check_size("affine", c, "output_width"));
  TRY(check_word("affine", c, "sampling_mode", {"bilinear"}));
  TRY(check_word("affine", c, "padding_mode", {"constant"}));
  TRY(check_word("affine", c, "coordinates_mode", {"normalized_minus_one_to_one"}));
  if (c.number("padding_value") != 0) return fail("affine: padding_value is {}, expected 0", c.number("padding_value"));
  if (!c.flag("align_corners")) return fail("affine: align_corners must be true");
  const Shape& x = c.shape("x");
  const Shape& matrix = c.shape("transform_matrix");
  if (matrix.size() != 2 || (matrix[0] != 1 && matrix[0] != x[0]) || matrix[1] != 6) {
    return fail("affine: transform_matrix {} must be [{}, 6] or [1, 6]", to_string(matrix), x[0]);
  }
  return {{{c.type("x").dtype, {x[0], x[1], c.integer("output_height"), c.integer("output_width")}}}};
}

void evaluate_affine(const OpCall& c, std::span<Array> results) {
  const Shape& x = c.shape("x");
  const Shape& out_shape = results[0].type.shape;
  const PixelScale to_y = pixel_scale("normalized_minus_one_to_one", true, x[2]);
  const PixelScale to_x = pixel_scale("normalized_minus_one_to_one", true, x[3]);
  double* out = results[0].data.data();
  for (int64_t plane = 0; plane < x[0] * x[1]; ++plane) {
    const int64_t which = c.shape("transform_matrix")[0] == 1 ? 0 : plane / x[1];
    const double* m = c.array("transform_matrix").data.data() + which * 6;
    const Plane image{c.array("x").data.data() + plane * x[2] * x[3], x[2], x[3]};
    for (int64_t i = 0; i < out_shape[2] * out_shape[3]; ++i) {
      const double v = normalized(i / out_shape[3], out_shape[2]), u = normalized(i % out_shape[3], out_shape[3]);
      const double to_u = m[0] * u + m[1] * v + m[2], to_v = m[3] * u + m[4] * v + m[5];
      *out++ = sample({}, image, to_y.scale * to_v + to_y.shift, to_x.scale * to_u + to_x.shift);
    }
  }
}

// coordinates [B, h·w, 2] = (x, y, 1) [h·w, 3] · matrixᵀ [B, 3, 2]
std::vector<Value> compose_affine(OpUse& use) {
  const int64_t batch = use.call.shape("x")[0];
  const int64_t height = use.call.integer("output_height"), width = use.call.integer("output_width");
  std::vector<double> grid;
  for (int64_t i = 0; i < height * width; ++i) {
    grid.insert(grid.end(), {normalized(i % width, width), normalized(i / width, height), 1});
  }
  const Value points = use.b.constant(Tensor::from_numbers({DType::fp32, {1, height * width, 3}}, grid));
  const Value matrix = cast(use["transform_matrix"], DType::fp32);
  const Value coordinates =
      matmul_nt(points, reshape(matrix, {matrix.dim(0), 2, 3})) + fill(use.b, {DType::fp32, {batch, 1, 1}}, 0);
  return {resample(use["x"], reshape(coordinates, {batch, height, width, 2}), "normalized_minus_one_to_one", 0)};
}

OpDef affine_op() {
  return {.name = "affine",
          .params = {Param::operand("x", kFloats, 'T'), Param::operand("transform_matrix", kFloats, 'T'),
                     Param::one_number("output_height", kInt32), Param::one_number("output_width", kInt32),
                     Param::setting("sampling_mode", kString), Param::setting("padding_mode", kString),
                     Param::one_number("padding_value", kFloats), Param::setting("coordinates_mode", kString),
                     Param::one_number("align_corners", kBool)},
          .infer = infer_affine,
          .evaluate = evaluate_affine,
          .compose = compose_affine,
          .formula = "x, interpolated at (a₀u + a₁v + a₂, b₀u + b₁v + b₂) for points (u, v) from −1 to 1"};
}

// ---- crop_resize: x [B, C, H, W] and N boxes → crops of C × target_height × target_width. Up to ios16 `roi`
// [N, 1, 4, 1, 1] crops every image, [N, 1, 5, 1, 1] the one that its first number names; ios17 has box_indices.

struct Crops {
  std::string_view operand;  // where the boxes stand
  int64_t boxes, numbers;    // and of how many numbers: 4, or 5 with the image first
  int64_t images = 1;        // that each box crops
  bool every_image = false;

  explicit Crops(const OpCall& c) : operand(c.has("roi") ? "roi" : "boxes"), boxes(c.shape(operand)[0]), numbers(4) {
    if (!c.has("roi")) return;
    numbers = c.shape("roi")[2];
    every_image = numbers == 4;
    if (every_image) images = c.shape("x")[0];
  }
};

// Where a box's first number of each direction stands; the second is two further.
struct Directions {
  int64_t y, x;
};

Directions directions(const OpCall& c) {
  const bool height_first = c.text("box_coordinate_mode").ends_with("HEIGHT_FIRST");
  return height_first ? Directions{0, 1} : Directions{1, 0};
}

double box_scale(const OpCall& c, int64_t size) {
  return c.number("spatial_scale") * (c.flag("normalized_coordinates") ? static_cast<double>(size - 1) : 1);
}

// Start and end, of doubles or of values. A centre lies halfway between them.
template <class Number>
std::pair<Number, Number> box_line(const OpCall& c, double scale, Number first, Number second) {
  first = first * scale;
  second = second * scale;
  if (c.text("box_coordinate_mode").starts_with("CORNERS")) return {first, second};
  return {first - second * 0.5, first + second * 0.5};
}

Result<Shape> check_boxes(const OpCall& c) {
  if (c.has("roi")) {
    const Shape& roi = c.shape("roi");
    if (roi.size() != 5 || (roi[2] != 4 && roi[2] != 5) || roi != Shape{roi[0], 1, roi[2], 1, 1}) {
      return fail("crop_resize: roi {} must be [N, 1, 4, 1, 1] or [N, 1, 5, 1, 1]", to_string(roi));
    }
    return Shape{roi[0], roi[2] == 4 ? c.shape("x")[0] : 1};
  }
  const Shape& boxes = c.shape("boxes");
  const int64_t images = c.shape("x")[0];
  if (boxes.size() != 2 || boxes[1] != 4) return fail("crop_resize: boxes {} must be [N, 4]", to_string(boxes));
  if (c.flag("normalized_coordinates") && !is_float(c.type("boxes").dtype)) {
    return fail("crop_resize: boxes in normalized_coordinates must be fp16 or fp32");
  }
  if (!c.has("box_indices")) {
    if (boxes[0] <= images) return Shape{boxes[0]};
    return fail("crop_resize: {} boxes of {} images need box_indices", boxes[0], images);
  }
  if (c.shape("box_indices") != Shape{boxes[0]}) {
    return fail("crop_resize: box_indices {} must be [{}]", to_string(c.shape("box_indices")), boxes[0]);
  }
  const Tensor* indices = c.operands("box_indices")[0].constant;
  for (int64_t index : indices == nullptr ? std::vector<int64_t>() : indices->integers()) {
    if (index < 0 || index >= images) return fail("crop_resize: box_indices has {} of {} images", index, images);
  }
  return Shape{boxes[0]};
}

Result<std::vector<TensorType>> infer_crop_resize(const OpCall& c) {
  TRY(check_image("crop_resize", c));
  TRY(check_size("crop_resize", c, "target_height"));
  TRY(check_size("crop_resize", c, "target_width"));
  TRY(check_sampling_mode("crop_resize", c));
  TRY(check_word(
      "crop_resize", c, "box_coordinate_mode",
      {"CORNERS_HEIGHT_FIRST", "CORNERS_WIDTH_FIRST", "CENTER_SIZE_HEIGHT_FIRST", "CENTER_SIZE_WIDTH_FIRST"}));
  Shape shape = TRY(check_boxes(c));
  shape.insert(shape.end(), {c.shape("x")[1], c.integer("target_height"), c.integer("target_width")});
  return {{{c.type("x").dtype, shape}}};
}

double pad_value(const OpCall& c) { return c.has("pad_value") ? c.number("pad_value") : 0; }

// The points of a line from start to end, each within it. MIL defines the grid for ALIGN_CORNERS, which goes backwards
// where the end comes first; other modes are read as the grid on an axis of |end − start| + 1 pixels, in that
// direction.
std::vector<double> line_points(std::string_view mode, int64_t n, std::pair<double, double> line) {
  const auto [start, end] = line;
  const double span = std::fabs(end - start);
  std::vector<double> points;
  for (int64_t i = 0; i < n; ++i) {
    const double past = GridPoint(mode, i, n).at(span);
    points.push_back(std::clamp(end < start ? start - past : start + past, std::min(start, end), std::max(start, end)));
  }
  return points;
}

// The image that is the i-th cropped by a box. One out of range at run time is the nearest there is.
int64_t image_of(const OpCall& c, const Crops& crops, int64_t box, int64_t i) {
  if (crops.every_image) return i;
  if (!c.has("roi") && !c.has("box_indices")) return box;
  const double index = c.has("roi") ? c.array("roi").data[size_t(box * 5)] : c.array("box_indices").data[size_t(box)];
  const auto last = static_cast<double>(c.shape("x")[0] - 1);
  return index >= 0 ? static_cast<int64_t>(std::min(index, last)) : 0;
}

// A point outside the image is the padding value, as in TensorFlow's crop_and_resize.
void evaluate_crop_resize(const OpCall& c, std::span<Array> results) {
  const Shape& x = c.shape("x");
  const Crops crops(c);
  const Directions at = directions(c);
  const std::string_view mode = c.text("sampling_mode");
  const auto is_outside = [](double point, int64_t size) { return point < 0 || point > double(size - 1); };
  double* out = results[0].data.data();
  for (int64_t n = 0; n < crops.boxes; ++n) {
    const double* box = c.array(crops.operand).data.data() + (n + 1) * crops.numbers - 4;
    const auto ys =
        line_points(mode, c.integer("target_height"), box_line(c, box_scale(c, x[2]), box[at.y], box[at.y + 2]));
    const auto xs =
        line_points(mode, c.integer("target_width"), box_line(c, box_scale(c, x[3]), box[at.x], box[at.x + 2]));
    for (int64_t plane = 0; plane < crops.images * x[1]; ++plane) {
      const int64_t from = image_of(c, crops, n, plane / x[1]) * x[1] + plane % x[1];
      const Plane image{c.array("x").data.data() + from * x[2] * x[3], x[2], x[3]};
      for (double py : ys) {
        for (double px : xs) {
          const bool outside = is_outside(py, x[2]) || is_outside(px, x[3]);
          *out++ = outside ? pad_value(c) : sample({}, image, py, px);
        }
      }
    }
  }
}

// ---- crop_resize by resample.

// As line_points: start and end [N, 1] → points [N, n].
Value line_points(std::string_view mode, int64_t n, std::pair<Value, Value> line) {
  const auto [start, end] = line;
  Builder& b = start.builder();
  std::vector<double> slopes, offsets;
  for (int64_t i = 0; i < n; ++i) {
    slopes.push_back(GridPoint(mode, i, n).slope());
    offsets.push_back(GridPoint(mode, i, n).offset());
  }
  const auto row = [&](const std::vector<double>& numbers) {
    return b.constant(Tensor::from_numbers({DType::fp32, {1, n}}, numbers));
  };
  const auto smaller = [&](Value x, Value y) { return b.apply("minimum", {{"x", x}, {"y", y}}); };
  const auto larger = [&](Value x, Value y) { return b.apply("maximum", {{"x", x}, {"y", y}}); };
  const Value direction = 1.0 - is_some(at_most(end - start, 0), DType::fp32) * 2.0;
  const Value span = (end - start) * direction;
  const Value past = at_least(span, GridPoint(mode, 0, n).least) * row(slopes) + row(offsets);
  const Value points = start + direction * smaller(at_least(past, 0), span);
  return smaller(larger(points, smaller(start, end)), larger(start, end));
}

// Points outside [0, size − 1] go to −2, whose neighbours are all outside.
Value sent_away(Value points, int64_t size) {
  const auto last = static_cast<double>(size - 1);
  points = clamped(points, -2, last + 1);
  const Value beyond = at_most(points, 0) + at_least(points - last, 0);
  return points - is_some(beyond, DType::fp32) * (points + 2);
}

// The images of the crops, in their order, as int32.
Value images_of(OpUse& use, const Crops& crops, Value boxes) {
  if (crops.operand == "roi" && !crops.every_image) {
    return at_least(reshape(cast(slice(boxes, 1, 0, 1), DType::int32), {crops.boxes}), 0);
  }
  if (use.has("box_indices")) return at_least(cast(use["box_indices"], DType::int32), 0);
  std::vector<int64_t> images;
  for (int64_t i = 0; i < crops.boxes * crops.images; ++i) images.push_back(crops.every_image ? i % crops.images : i);
  return use.b.constant(Tensor::ints(images));
}

std::vector<Value> compose_crop_resize(OpUse& use) {
  const OpCall& c = use.call;
  const Crops crops(c);
  const Directions at = directions(c);
  const std::string_view mode = c.text("sampling_mode");
  const Shape result = (*infer_crop_resize(c))[0].shape, x = c.shape("x");
  const int64_t n = crops.boxes, height = c.integer("target_height"), width = c.integer("target_width");
  const Value boxes = reshape(cast(use[crops.operand], DType::fp32), {n, crops.numbers});
  const auto points_along = [&](int64_t first, int64_t target, int64_t size) {
    const auto number = [&](int64_t i) { return slice(boxes, 1, crops.numbers - 4 + i, 1); };
    const auto line = box_line(c, box_scale(c, size), number(first), number(first + 2));
    return sent_away(line_points(mode, target, line), size);
  };
  const auto spread = [&](Value points, const Shape& shape, const Shape& over) {
    return reshape(points, shape) + fill(use.b, {DType::fp32, over}, 0);
  };
  const Value ys = spread(points_along(at.y, height, x[2]), {n, 1, height, 1, 1}, {1, crops.images, 1, width, 1});
  const Value xs = spread(points_along(at.x, width, x[3]), {n, 1, 1, width, 1}, {1, crops.images, height, 1, 1});
  const Value images =
      use.b.apply("gather", {{"x", use["x"]}, {"indices", images_of(use, crops, boxes)}, {"axis", Tensor::integer(0)}});
  const Value coordinates = reshape(concat({xs, ys}, 4), {n * crops.images, height, width, 2});
  return {reshape(resample(images, coordinates, "unnormalized", pad_value(c)), result)};
}

OpDef crop_resize_form(int since) {
  std::vector<Param> params{Param::operand("x", kFloats, since < 17 ? 'T' : 0)};
  if (since < 17) {
    params.push_back(Param::operand("roi", kFloats, 'T'));
  } else {
    params.push_back(Param::operand("boxes", kFloats | DTypes{DType::uint16}));
    params.push_back(Param::operand("box_indices", kInt32 | DTypes{DType::uint16}).maybe());
  }
  for (std::string_view size : {"target_height", "target_width"}) {
    params.push_back(Param::setting(size, kInt32, Tensor::integer(1)));
  }
  params.push_back(Param::setting("normalized_coordinates", kBool, Tensor::boolean(false)));
  params.push_back(Param::setting("spatial_scale", kFloats, Tensor::scalar(DType::fp32, 1)));
  params.push_back(Param::setting("box_coordinate_mode", kString, Tensor::text("CORNERS_HEIGHT_FIRST")));
  params.push_back(Param::setting("sampling_mode", kString, Tensor::text("DEFAULT")));
  if (since >= 16) params.push_back(Param::setting("pad_value", kFloats, Tensor::scalar(DType::fp32, 0)));
  return {.name = "crop_resize",
          .params = std::move(params),
          .infer = infer_crop_resize,
          .evaluate = evaluate_crop_resize,
          .compose = compose_crop_resize,
          .since = since,
          .formula = "each box of x, interpolated on a grid of target_height × target_width points"};
}

}  // namespace

std::vector<OpDef> sampling_ops() {
  return {crop_resize_form(15), crop_resize_form(16), crop_resize_form(17), affine_op(), resample_op()};
}

}  // namespace anemone::mil
