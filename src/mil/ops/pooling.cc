// Pooling: x [n, C, D…] → [n, C, P…], a number for each window of each channel.
#include <algorithm>
#include <cmath>

#include "mil/gradient.h"
#include "mil/ops/families.h"
#include "mil/ops/window.h"

namespace anemone::mil {
namespace {

// ---- Evaluation

// Calls visit(element of x, place of the result) for each element that each window holds.
template <class Visit>
void for_each_element(const std::vector<Window>& windows, const Array& x, const Array& result, const Visit& visit) {
  const Shape &from = x.type.shape, &to = result.type.shape;
  const int64_t in = count({from.begin() + 2, from.end()}), out = count({to.begin() + 2, to.end()});
  for (int64_t plane = 0; plane < to[0] * to[1]; ++plane) {
    for_each_tap(windows, [&](int64_t place, int64_t element, int64_t) {
      visit(x.data[size_t(plane * in + element)], size_t(plane * out + place));
    });
  }
}

void evaluate_max(const OpCall& c, std::span<Array> results) {
  std::vector<double>& out = results[0].data;
  std::ranges::fill(out, -INFINITY);
  for_each_element(*pool_windows("max_pool", c), c.array("x"), results[0],
                   [&](double x, size_t at) { out[at] = larger(out[at], x); });
}

// What the sum of each window is divided by: how many of its elements are real, or its size, without what hangs over
// the declared padding as PyTorch has it. An empty window is divided by 1.
std::vector<double> divisors(const OpCall& c, const std::vector<Window>& windows) {
  const bool real = c.flag("exclude_padding_from_average");
  std::vector<double> divisors{1};
  for (const Window& w : windows) {
    const int64_t first = real ? 0 : -w.before, last = real ? w.size : w.size + w.after;
    std::vector<double> finer;
    for (const double outer : divisors) {
      for (int64_t p = 0; p < w.out(); ++p) {
        const int64_t origin = p * w.stride - w.before;
        const int64_t elements = std::min(origin + w.kernel, last) - std::max(origin, first);
        finer.push_back(outer * double(std::max<int64_t>(1, elements)));
      }
    }
    divisors = std::move(finer);
  }
  return divisors;
}

void evaluate_average(const OpCall& c, std::span<Array> results) {
  const std::vector<Window> windows = *pool_windows("avg_pool", c);
  std::vector<double>& out = results[0].data;
  for_each_element(windows, c.array("x"), results[0], [&](double x, size_t at) { out[at] += x; });
  if (out.empty()) return;
  const std::vector<double> counts = divisors(c, windows);
  for (size_t at = 0; at < out.size(); ++at) out[at] /= counts[at % counts.size()];
}

void evaluate_l2(const OpCall& c, std::span<Array> results) {
  std::vector<double>& out = results[0].data;
  for_each_element(*pool_windows("l2_pool", c), c.array("x"), results[0],
                   [&](double x, size_t at) { out[at] += x * x; });
  for (double& value : out) value = std::sqrt(value);
}

// ---- Formulas

std::vector<int64_t> used_padding(const std::vector<Window>& windows) {
  std::vector<int64_t> pads;
  for (const Window& w : windows) pads.insert(pads.end(), {w.before, w.used_after()});
  return pads;
}

// The sum of each window: a convolution with ones, each channel being an image of its own.
Value window_sums(Value x, const std::vector<Window>& windows) {
  if (!x.builder().ok()) return x;
  const Shape shape = x.shape();
  Shape images = shape, sums = shape, kernel{1, 1};
  images[0] = shape[0] * shape[1];
  images[1] = 1;
  std::vector<int64_t> strides;
  for (size_t d = 0; d < windows.size(); ++d) {
    strides.push_back(windows[d].stride);
    kernel.push_back(windows[d].kernel);
    sums[d + 2] = windows[d].out();
  }
  const std::vector<double> ones(size_t(count(kernel)), 1);
  x = x.builder().apply("conv", {{"x", reshape(x, images)},
                                 {"weight", Tensor::from_numbers({x.dtype(), kernel}, ones)},
                                 {"strides", Tensor::ints(strides)},
                                 {"pad_type", Tensor::text("custom")},
                                 {"pad", Tensor::ints(used_padding(windows))}});
  return reshape(x, sums);
}

std::vector<Value> compose_average(OpUse& use) {
  const std::vector<Window> windows = *pool_windows("avg_pool", use.call);
  const Value sums = window_sums(use["x"], windows);
  if (!use.b.ok()) return {sums};
  std::vector<double> factors = divisors(use.call, windows);
  for (double& factor : factors) factor = 1 / factor;
  Shape shape = sums.shape();
  shape[0] = shape[1] = 1;
  return {sums * use.b.constant(Tensor::from_numbers({sums.dtype(), shape}, factors))};
}

std::vector<Value> compose_l2(OpUse& use) {
  const Value x = use["x"];
  return {use.b.apply("sqrt", {{"x", window_sums(x * x, *pool_windows("l2_pool", use.call))}})};
}

// The maximum of `n` neighbours along an axis. Those of m, shifted by up to m, give those of as many more.
Value running_maximum(Value x, size_t axis, int64_t n) {
  for (int64_t m = 1, shift = 0; m < n && x.builder().ok(); m += shift) {
    shift = std::min(m, n - m);
    const int64_t size = x.dim(axis) - shift;
    x = x.builder().apply("maximum", {{"x", slice(x, axis, 0, size)}, {"y", slice(x, axis, shift, size)}});
  }
  return x;
}

// One dimension after another, of x padded with −∞.
std::vector<Value> compose_max(OpUse& use) {
  const std::vector<Window> windows = *pool_windows("max_pool", use.call);
  Value x = pad(use["x"], used_padding(windows), -INFINITY);
  if (!use.b.ok()) return {x};
  std::vector<int64_t> ends = x.shape(), strides(ends.size(), 1);
  for (size_t d = 0; d < windows.size(); ++d) {
    x = running_maximum(x, d + 2, windows[d].kernel);
    ends[d + 2] = (windows[d].out() - 1) * windows[d].stride + 1;
    strides[d + 2] = windows[d].stride;
  }
  return {use.b.apply("slice_by_index", {{"x", x},
                                         {"begin", Tensor::ints(Shape(ends.size(), 0))},
                                         {"end", Tensor::ints(ends)},
                                         {"stride", Tensor::ints(strides)}})};
}

// ---- Entries

OpDef pool(std::string_view name, size_t most_dims, OpDef::Evaluate evaluate, OpDef::Compose compose,
           std::string_view formula) {
  return {.name = name,
          .params = {Param::operand("x", kFloats), Param::setting("kernel_sizes", kInt32),
                     Param::setting("strides", kInt32).maybe(), Param::setting("pad_type", kString),
                     Param::setting("pad", kInt32).maybe(), Param::setting("ceil_mode", kBool, Tensor::boolean(false))},
          .infer = [name, most_dims](const OpCall& c) -> Result<std::vector<TensorType>> {
            const std::vector<Window> windows = TRY(pool_windows(name, c));
            if (windows.size() > most_dims) {
              return fail("{}: x {} has {} spatial dimensions, at most {} are allowed", name, to_string(c.shape("x")),
                          windows.size(), most_dims);
            }
            Shape shape{c.shape("x")[0], c.shape("x")[1]};
            for (const Window& w : windows) shape.push_back(w.out());
            return {{{c.type("x").dtype, shape}}};
          },
          .evaluate = std::move(evaluate),
          .compose = std::move(compose),
          .formula = formula};
}

OpDef average_pool() {
  OpDef op = pool("avg_pool", 3, evaluate_average, compose_average, "Σ x over each window, divided by its size");
  op.params.push_back(Param::setting("exclude_padding_from_average", kBool, Tensor::boolean(false)));
  return op;
}

}  // namespace

std::vector<OpDef> pooling_ops() {
  return {pool("max_pool", 3, evaluate_max, compose_max, "the largest x of each window; padding counts as −∞"),
          average_pool(), pool("l2_pool", 2, evaluate_l2, compose_l2, "√Σx² over each window")};
}

}  // namespace anemone::mil
