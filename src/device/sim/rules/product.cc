// Matrix products and convolutions, in the engine's accumulator.
#include "device/sim/rules/convolution.h"

namespace anemone::sim {
namespace {

Strides strides_of(const View& v) {
  const size_t last = v.shape.size() - 1;
  return {v.shape[last - 1] == 1 ? 0 : v.strides[last - 1], v.shape[last] == 1 ? 0 : v.strides[last]};
}

Strides turned(const Strides& s) { return {s.column, s.row}; }

// c = a·b for views [batch.., rows, columns].
void emit_product(Lowering& l, const View& a, const View& b, const View& c) {
  const size_t rank = c.shape.size();
  Product p{.rows = c.shape[rank - 2], .inner = a.shape.back(), .columns = c.shape[rank - 1]};
  p.a = strides_of(a), p.b = strides_of(b), p.c = strides_of(c);
  // The vectors run along the columns: of few, cᵀ = bᵀ·aᵀ instead, which is the same sums.
  const bool turn = p.columns < 8 && p.rows > p.columns;
  if (turn) {
    p = {.rows = p.columns, .inner = p.inner, .columns = p.rows, .a = turned(p.b), .b = turned(p.a), .c = turned(p.c)};
  }
  l.reserve_scratch(p.scratch_floats());
  l.emit([=, loops = batch_loops(a, b, c), multiply = l.kernels().multiply](const Memory& m) {
    for (int64_t i = 0; i < loops.count(); ++i) {
      const Half *left = m.at(a) + loops.element(0, i), *right = m.at(b) + loops.element(1, i);
      if (turn) std::swap(left, right);
      multiply(p, left, right, nullptr, {.halves = m.at(c) + loops.element(2, i)}, m.scratch());
    }
  });
}

Result<> lower_matmul(Lowering& l, const Node& node) {
  View x = l.read(node.operand("x")), y = l.read(node.operand("y"));
  View c = l.result(node.result());
  mil::Shape shape = c.shape;
  const bool x_is_row = x.shape.size() == 1, y_is_column = y.shape.size() == 1;
  if (x_is_row) x = *reshaped(x, {1, x.shape[0]});
  if (y_is_column) y = *reshaped(y, {y.shape[0], 1});
  if (y_is_column) shape.push_back(1);
  if (x_is_row) shape.insert(shape.end() - 1, 1);
  c = *reshaped(c, shape);
  if (l.constant(node.operand("x")) == nullptr && l.constant(node.operand("y")) == nullptr) {
    l.note(Choice::run_time_products);
  }
  emit_product(l, node.call.flag("transpose_x") ? transposed(x) : x, node.call.flag("transpose_y") ? transposed(y) : y,
               c);
  return {};
}

// x·weightᵀ + bias, the bias being the first value of each sum: computed as (bias + weight·xᵀ)ᵀ.
Result<> lower_linear(Lowering& l, const Node& node) {
  const View x = l.read_packed(node.operand("x")), weight = l.read(node.operand("weight"));
  const View result = l.result(node.result());
  const int64_t inner = weight.shape[1], results = weight.shape[0], places = inner == 0 ? 0 : x.count() / inner;
  const Product p{
      .rows = results, .inner = inner, .columns = places, .a = strides_of(weight), .b = {1, inner}, .c = {1, results}};
  const std::optional<View> bias = node.has("bias") ? std::optional(l.read_packed(node.operand("bias"))) : std::nullopt;
  l.reserve_scratch(p.scratch_floats());
  l.emit([=, multiply = l.kernels().multiply](const Memory& m) {
    multiply(p, m.at(weight), m.at(x), bias ? m.at(*bias) : nullptr, {.halves = m.at(result)}, m.scratch());
  });
  return {};
}

bool is_pointwise(const Convolution& c) {
  return std::ranges::all_of(
      c.windows, [](const mil::Window& w) { return w.kernel == 1 && w.stride == 1 && w.before == 0 && w.after == 0; });
}

// Channels [begin, end) of one image to their columns [channels·taps, places]; padding is zero.
void gather_columns(const Convolution& c, const Half* image, int64_t plane, int64_t begin, int64_t end, Half* columns) {
  std::fill(columns + begin * c.taps * c.places, columns + end * c.taps * c.places, Half{});
  for (int64_t channel = begin; channel < end; ++channel) {
    const Half* from = image + channel * plane;
    Half* to = columns + channel * c.taps * c.places;
    mil::for_each_tap(c.windows,
                      [&](int64_t place, int64_t element, int64_t tap) { to[tap * c.places + place] = from[element]; });
  }
}

Result<> lower_conv(Lowering& l, const Node& node) {
  const Convolution c = TRY(convolution_of(node));
  if (l.constant(node.operand("weight")) == nullptr) l.note(Choice::run_time_products);
  if (is_int8(l, node)) {
    lower_int8(l, node, c);
  } else if (is_winograd(l, node, c)) {
    lower_winograd(l, node, c);
  } else {
    const std::optional<View> bias =
        node.has("bias") ? std::optional(l.read_packed(node.operand("bias"))) : std::nullopt;
    const View columns = columns_of(l, c, l.read(node.operand("x")));
    emit_convolution(l, c, Terms::fixed_point, l.read_packed(node.operand("weight")), columns, bias,
                     l.result(node.result()));
  }
  return {};
}

}  // namespace

Result<Convolution> convolution_of(const Node& node) {
  Convolution c{.windows = TRY(mil::conv_windows(node.call)),
                .images = node.call.shape("x")[0],
                .groups = node.call.integer("groups"),
                .channels = node.call.shape("weight")[1],
                .results = node.call.shape("weight")[0] / node.call.integer("groups")};
  for (const mil::Window& w : c.windows) {
    c.taps *= w.kernel;
    c.places *= w.out();
  }
  return c;
}

View columns_of(Lowering& l, const Convolution& c, const View& image) {
  int64_t plane = 1;
  for (const mil::Window& w : c.windows) plane *= w.size;
  if (is_pointwise(c)) {
    const mil::Shape shape{c.images, c.groups, c.channels, plane};
    if (const auto planes = reshaped(image, shape)) return *planes;
  }
  View x = image;
  if (!is_packed(x)) {
    x = l.temporary(image.shape);
    l.emit_copy(image, x);
  }
  if (is_pointwise(c)) return *reshaped(x, {c.images, c.groups, c.channels, plane});
  const View columns = l.temporary({c.images, c.groups, c.channels * c.taps, c.places});
  l.emit([=](const Memory& m) {
    const int64_t channels = c.groups * c.channels;
    for (int64_t n = 0; n < c.images; ++n) {
      parallel_for(channels, 1, [&](int64_t begin, int64_t end) {
        gather_columns(c, m.at(x) + n * channels * plane, plane, begin, end,
                       m.at(columns) + n * channels * c.taps * c.places);
      });
    }
  });
  return columns;
}

void emit_convolution(Lowering& l, const Convolution& c, Terms terms, const View& weight, const View& columns,
                      const std::optional<View>& bias, const View& result) {
  const int64_t inner = c.channels * c.taps;
  const Product p{.rows = c.results,
                  .inner = inner,
                  .columns = c.places,
                  .a = {inner, 1},
                  .b = strides_of(columns),
                  .c = {c.places, 1},
                  .terms = terms};
  l.reserve_scratch(p.scratch_floats());
  l.emit([=, multiply = l.kernels().multiply](const Memory& m) {
    for (int64_t i = 0; i < c.images * c.groups; ++i) {
      const int64_t group = i % c.groups, to = i * c.results * c.places;
      const Half* from = m.at(columns) + i / c.groups * columns.strides[0] + group * columns.strides[1];
      const Half* first = bias ? m.at(*bias) + group * c.results : nullptr;
      const Result2D there = terms == Terms::integers ? Result2D{.sums = m.doubles_at(result) + to}
                                                      : Result2D{.halves = m.at(result) + to};
      multiply(p, m.at(weight) + group * c.results * inner, from, first, there, m.scratch());
    }
  });
}

std::vector<Rule> product_rules() { return {{"matmul", lower_matmul}, {"linear", lower_linear}, {"conv", lower_conv}}; }

}  // namespace anemone::sim
