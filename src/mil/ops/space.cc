// Blocks of pixels to channels or batches, and back.
//
// Three pairs of inverse ops. In each, a spatial tensor [n, C, y·by, x·bx] is cut into blocks of by × bx pixels, which
// stand in the channels or in the batch of a deep tensor. They differ in the order of the deep tensor's dimensions.
#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "mil/gradient.h"
#include "mil/ops/families.h"
#include "mil/ops/places.h"

namespace anemone::mil {
namespace {

// The axes of the deep tensor, split into six, that are n, C, y, by, x and bx.
using Order = std::array<int64_t, 6>;
constexpr Order kDepth{0, 3, 4, 1, 5, 2};  // [n, by·bx·C, y, x]
constexpr Order kPixel{0, 1, 4, 2, 5, 3};  // [n, C·by·bx, y, x]
constexpr Order kBatch{2, 3, 4, 0, 5, 1};  // [by·bx·n, C, y, x]

struct SpaceOp {
  std::string_view name;
  Order order;
  bool to_space;
  std::string_view block;   // the parameter of the block's size: one number, or two for a batch
  std::string_view margin;  // of what is cropped from the spatial tensor, or padded before; batches only
  std::string_view inverse, formula;
  DType block_type = DType::int32;
  int since = kOldestOpset;
};

constexpr std::array kSpaceOps{
    SpaceOp{"depth_to_space", kDepth, true, "block_size", "", "space_to_depth",
            "out[c, y·b + by, x·b + bx] = x[(by·b + bx)·C + c, y, x]"},
    SpaceOp{"space_to_depth", kDepth, false, "block_size", "", "depth_to_space",
            "out[(by·b + bx)·C + c, y, x] = x[c, y·b + by, x·b + bx]"},
    SpaceOp{"pixel_shuffle", kPixel, true, "upscale_factor", "", "pixel_unshuffle",
            "out[c, y·f + fy, x·f + fx] = x[c·f² + fy·f + fx, y, x]"},
    SpaceOp{"pixel_unshuffle", kPixel, false, "downscale_factor", "", "pixel_shuffle",
            "out[c·f² + fy·f + fx, y, x] = x[c, y·f + fy, x·f + fx]", DType::uint32, 16},
    SpaceOp{"space_to_batch", kBatch, false, "block_shape", "paddings", "batch_to_space",
            "out[(by·bw + bx)·n + i, c, y, x] = padded x[i, c, y·bh + by, x·bw + bx]"},
    SpaceOp{"batch_to_space", kBatch, true, "block_shape", "crops", "space_to_batch",
            "out[i, c, y·bh + by, x·bw + bx] = x[(by·bw + bx)·n + i, c, y, x], then cropped"},
};

struct Blocks {
  int64_t n, c, y, by, x, bx;
  std::vector<int64_t> margin{0, 0, 0, 0};  // top, bottom, left, right

  std::vector<int64_t> six() const { return {n, c, y, by, x, bx}; }
  Shape whole() const { return {n, c, y * by, x * bx}; }
  Shape spatial() const { return {n, c, y * by - margin[0] - margin[1], x * bx - margin[2] - margin[3]}; }
};

std::vector<int64_t> axes_of(const Order& order) { return {order.begin(), order.end()}; }

// The deep tensor's six dimensions, and the axis of `six()` that each is.
Shape deep_split(const Order& order, const Blocks& blocks) {
  Shape split(6);
  for (size_t i = 0; i < 6; ++i) split[size_t(order[i])] = blocks.six()[i];
  return split;
}
std::vector<int64_t> inverse(const Order& order) {
  std::vector<int64_t> axes(6);
  for (size_t i = 0; i < 6; ++i) axes[size_t(order[i])] = int64_t(i);
  return axes;
}

Shape deep(const Order& order, const Blocks& b) {
  if (order == kBatch) return {b.by * b.bx * b.n, b.c, b.y, b.x};
  return {b.n, b.by * b.bx * b.c, b.y, b.x};
}

Result<std::vector<int64_t>> margin_of(const SpaceOp& op, const OpCall& c) {
  if (op.margin.empty()) return std::vector<int64_t>(4, 0);
  if (c.shape(op.margin) != Shape{2, 2}) {
    return fail("{}: {} is {}, expected [2, 2]", op.name, op.margin, to_string(c.shape(op.margin)));
  }
  const std::vector<int64_t> margin = c.integers(op.margin);
  if (std::ranges::min(margin) < 0) return fail("{}: {} must not be negative", op.name, op.margin);
  return margin;
}

Result<Blocks> blocks_of(const SpaceOp& op, const OpCall& c) {
  const Shape& x = c.shape("x");
  const std::vector<int64_t> block = c.integers(op.block);
  const size_t numbers = op.order == kBatch ? 2 : 1;
  if (x.size() != 4) return fail("{}: x {} needs rank 4", op.name, to_string(x));
  if (block.size() != numbers) return fail("{}: {} needs {} numbers", op.name, op.block, numbers);
  const int64_t by = block.front(), bx = block.back();
  if (by < 1 || bx < 1 || by > INT32_MAX / bx) {
    return fail("{}: {} [{}] is out of range", op.name, op.block, fmt::join(block, ", "));
  }
  Blocks b{.n = x[0], .c = x[1], .y = x[2], .by = by, .x = x[3], .bx = bx, .margin = TRY(margin_of(op, c))};
  const auto [top, bottom, left, right] = std::array{b.margin[0], b.margin[1], b.margin[2], b.margin[3]};
  if (op.to_space) {
    int64_t& folded = op.order == kBatch ? b.n : b.c;
    if (folded % (by * bx) != 0) {
      return fail("{}: {} of x {} are no blocks of {} × {}", op.name, op.order == kBatch ? "batches" : "channels",
                  to_string(x), by, bx);
    }
    folded /= by * bx;
    if (top + bottom >= b.y * by || left + right >= b.x * bx) return fail("{}: nothing is left", op.name);
  } else {
    b.y = (x[2] + top + bottom) / by;
    b.x = (x[3] + left + right) / bx;
    if (b.spatial() != x) return fail("{}: blocks of {} × {} do not fill x {}", op.name, by, bx, to_string(x));
  }
  return b;
}

// Of the spatial tensor in the deep one.
Places places_in_deep(const Order& order, const Blocks& b) {
  const std::vector<int64_t> strides = packed_strides(deep_split(order, b));
  const auto stride = [&](size_t i) { return strides[size_t(order[i])]; };
  const auto along = [&](int64_t size, int64_t before, int64_t block, size_t axis) {
    std::vector<int64_t> offsets = steps(size, 1, before);
    for (int64_t& at : offsets) at = at / block * stride(axis) + at % block * stride(axis + 1);
    return offsets;
  };
  const Shape spatial = b.spatial();
  return {steps(b.n, stride(0)), steps(b.c, stride(1)), along(spatial[2], b.margin[0], b.by, 2),
          along(spatial[3], b.margin[2], b.bx, 4)};
}

void evaluate(const SpaceOp& op, const OpCall& c, std::span<Array> results) {
  const Places places = places_in_deep(op.order, *blocks_of(op, c));
  std::vector<double>& out = results[0].data;
  if (op.to_space) return take(c.array("x").data, places, out);
  std::ranges::fill(out, 0);
  put(c.array("x").data, places, out);
}

void backward(const SpaceOp& op, GradientUse& use) {
  const SpaceOp& inverse = *std::ranges::find(kSpaceOps, op.inverse, &SpaceOp::name);
  const Tensor& block = use.call.constant(op.block);
  const TensorType block_type{inverse.block_type, block.type().shape};
  Builder::Arguments arguments{{"x", use.d()},
                               {std::string(inverse.block), Tensor::from_numbers(block_type, block.numbers())}};
  if (!op.margin.empty()) arguments.emplace_back(inverse.margin, use[op.margin]);
  use.add("x", use.b.apply(inverse.name, arguments));
}

std::vector<Value> compose(const SpaceOp& op, OpUse& use) {
  const Blocks b = *blocks_of(op, use.call);
  const auto& m = b.margin;
  Value x = use["x"];
  if (!op.to_space) {
    x = pad(x, m, 0);
    return {reshape(transpose(reshape(x, b.six()), inverse(op.order)), deep(op.order, b))};
  }
  x = reshape(transpose(reshape(x, deep_split(op.order, b)), axes_of(op.order)), b.whole());
  if (std::ranges::max(m) > 0) x = slice(slice(x, 2, m[0], b.spatial()[2]), 3, m[2], b.spatial()[3]);
  return {x};
}

OpDef space_op(const SpaceOp& op) {
  OpDef def{.name = op.name,
            .params = {Param::operand("x", kFloats), Param::setting(op.block, DTypes{op.block_type})},
            .infer = [&op](const OpCall& c) -> Result<std::vector<TensorType>> {
              const Blocks b = TRY(blocks_of(op, c));
              return {{{c.type("x").dtype, op.to_space ? b.spatial() : deep(op.order, b)}}};
            },
            .evaluate = [&op](const OpCall& c, std::span<Array> results) { evaluate(op, c, results); },
            .gradient = [&op](GradientUse& use) { backward(op, use); },
            .compose = [&op](OpUse& use) { return compose(op, use); },
            .since = op.since,
            .formula = op.formula};
  if (!op.margin.empty()) def.params.push_back(Param::setting(op.margin, kInt32));
  return def;
}

}  // namespace

std::vector<OpDef> space_ops() {
  std::vector<OpDef> ops;
  for (const SpaceOp& op : kSpaceOps) ops.push_back(space_op(op));
  return ops;
}

}  // namespace anemone::mil
