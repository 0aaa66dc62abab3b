// Convolution, 1 to 3 spatial dimensions: x [n, Ci, D…], weight [Co, Ci/g, K…], bias [Co] → [n, Co, P…], without
// flipping the kernel; and its transpose, which scatters x [n, Co, P…] through weight [Co, Ci/g, K…] to [n, Ci, D…].
#include <fmt/format.h>

#include <algorithm>
#include <numeric>

#include "mil/gradient.h"
#include "mil/ops/families.h"
#include "mil/ops/window.h"

namespace anemone::mil {
namespace {

// ---- Types

Result<std::vector<TensorType>> result_type(std::string_view op, const OpCall& c, Shape shape) {
  if (c.has("bias") && c.shape("bias") != Shape{shape[1]}) {
    return fail("{}: bias is {}, expected [{}]", op, to_string(c.shape("bias")), shape[1]);
  }
  return {{{c.type("x").dtype, std::move(shape)}}};
}

Error wrong_channels(std::string_view op, const OpCall& c) {
  return {fmt::format("{}: x {} has not the channels of weight {} with {} groups", op, to_string(c.shape("x")),
                      to_string(c.shape("weight")), c.integer("groups"))};
}

Result<std::vector<TensorType>> infer_conv(const OpCall& c) {
  const std::vector<Window> windows = TRY(conv_windows(c));
  const Shape& x = c.shape("x");
  const Shape& weight = c.shape("weight");
  const int64_t groups = c.integer("groups");
  if (groups < 1 || x[1] != weight[1] * groups || weight[0] % groups != 0) {
    return tl::unexpected<Error>(wrong_channels("conv", c));
  }
  const auto dilated = [](const Window& w) { return w.dilation != 1; };
  if (!c.operands("weight")[0].fixed && std::ranges::any_of(windows, dilated)) {
    return fail("conv: a weight that is no constant takes no dilations");
  }
  Shape out{x[0], weight[0]};
  for (const Window& w : windows) out.push_back(w.out());
  return result_type("conv", c, std::move(out));
}

Result<std::vector<TensorType>> infer_conv_transpose(const OpCall& c) {
  const std::vector<Window> windows = TRY(conv_transpose_windows(c));
  const Shape& x = c.shape("x");
  const Shape& weight = c.shape("weight");
  const int64_t groups = c.integer("groups");
  if (groups < 1 || x[1] != weight[0] || x[1] % groups != 0) {
    return tl::unexpected<Error>(wrong_channels("conv_transpose", c));
  }
  Shape out{x[0], weight[1] * groups};
  for (const Window& w : windows) out.push_back(w.size);
  if (c.has("output_shape") && c.integers("output_shape") != out) {
    return fail("conv_transpose: output_shape is {}, expected {}", to_string(c.integers("output_shape")),
                to_string(out));
  }
  return result_type("conv_transpose", c, std::move(out));
}

// ---- Evaluation

// Calls visit(in, out, i, o) for each channel pair of one group; i and o count within it.
template <class Visit>
void for_each_pair(int64_t groups, int64_t ins, int64_t outs, const Visit& visit) {
  const int64_t in_group = ins / groups, out_group = outs / groups;
  for (int64_t out = 0; out < outs; ++out) {
    const int64_t group = out / out_group;
    for (int64_t i = 0; i < in_group; ++i) visit(group * in_group + i, out, i, out % out_group);
  }
}

// conv gathers at each place what its taps see, conv_transpose scatters each place to what they saw.
void evaluate_channels(const OpCall& c, const std::vector<Window>& windows, bool transposed, Array& result) {
  const Array& x = c.array("x");
  const Array& weight = c.array("weight");
  const Shape& from = x.type.shape;
  const Shape& to = result.type.shape;
  const Shape& weights = weight.type.shape;
  const int64_t from_plane = count({from.begin() + 2, from.end()}), to_plane = count({to.begin() + 2, to.end()});
  const int64_t taps = count({weights.begin() + 2, weights.end()});
  for (int64_t plane = 0; plane < to[0] * to[1]; ++plane) {
    const double bias = c.has("bias") ? c.array("bias").data[size_t(plane % to[1])] : 0;
    std::fill_n(result.data.data() + plane * to_plane, to_plane, bias);
  }
  for (int64_t n = 0; n < to[0]; ++n) {
    for_each_pair(c.integer("groups"), from[1], to[1], [&](int64_t in, int64_t out, int64_t i, int64_t o) {
      const double* source = x.data.data() + (n * from[1] + in) * from_plane;
      const double* w = weight.data.data() + (transposed ? in * weights[1] + o : out * weights[1] + i) * taps;
      double* target = result.data.data() + (n * to[1] + out) * to_plane;
      for_each_tap(windows, [&](int64_t place, int64_t element, int64_t tap) {
        if (transposed) std::swap(place, element);
        target[place] += source[element] * w[tap];
      });
    });
  }
}

// ---- Formulas

std::vector<int64_t> of_each(const std::vector<Window>& windows, int64_t Window::*field) {
  std::vector<int64_t> numbers;
  for (const Window& w : windows) numbers.push_back(w.*field);
  return numbers;
}

struct Setting {
  std::vector<int64_t> strides, dilations, pad;
  int64_t groups;
};

Value apply(std::string_view op, Value x, Value weight, const Setting& setting) {
  return x.builder().apply(op, {{"x", x},
                                {"weight", weight},
                                {"strides", Tensor::ints(setting.strides)},
                                {"pad_type", Tensor::text("custom")},
                                {"pad", Tensor::ints(setting.pad)},
                                {"dilations", Tensor::ints(setting.dilations)},
                                {"groups", Tensor::integer(setting.groups)}});
}

std::vector<int64_t> padding(const std::vector<Window>& windows) {
  std::vector<int64_t> pad;
  for (const Window& w : windows) pad.insert(pad.end(), {w.before, w.after});
  return pad;
}

// [.., D, ..] → [.., (D−1)·stride + 1, ..]: zeros between the elements along an axis.
Value spread(Value x, size_t axis, int64_t stride) {
  if (stride == 1 || !x.builder().ok()) return x;
  Shape shape = x.shape();
  const int64_t before = count({shape.begin(), shape.begin() + int64_t(axis) + 1});
  x = pad(reshape(x, {before, 1, x.type().count() / before}), {0, stride - 1, 0, 0}, 0);
  const int64_t size = (shape[axis] - 1) * stride + 1;
  shape[axis] *= stride;
  return slice(reshape(x, shape), axis, 0, size);
}

Value spread(Value x, const std::vector<Window>& windows) {
  for (size_t d = 0; d < windows.size(); ++d) x = spread(x, d + 2, windows[d].stride);
  return x;
}

// [Co, Ci/g, K…] → [Ci, Co/g, K…], the kernel backwards.
Value flipped(Value weight, int64_t groups) {
  if (!weight.builder().ok()) return weight;
  const Shape from = weight.shape();
  std::vector<int64_t> spatial(from.size() - 2);
  std::iota(spatial.begin(), spatial.end(), 2);
  weight = weight.builder().apply("reverse", {{"x", weight}, {"axes", Tensor::ints(spatial)}});
  const int64_t out_group = from[0] / groups, taps = count({from.begin() + 2, from.end()});
  Shape to = from;
  to[0] = groups * from[1];
  to[1] = out_group;
  return reshape(transpose(reshape(weight, {groups, out_group, from[1], taps}), {0, 2, 1, 3}), to);
}

// The transpose of a convolution before it crops, as a convolution: y [n, Co, P…] → [n, Ci, s(P−1) + reach…].
Value scatter_by_conv(Value y, Value weight, const std::vector<Window>& windows, int64_t groups) {
  Setting setting{std::vector<int64_t>(windows.size(), 1), of_each(windows, &Window::dilation), {}, groups};
  for (const Window& w : windows) setting.pad.insert(setting.pad.end(), 2, w.reach() - 1);
  return apply("conv", spread(y, windows), flipped(weight, groups), setting);
}

// The same by conv_transpose, whose weight must be a constant.
Value scatter(Value y, Value weight, bool constant, const std::vector<Window>& windows, int64_t groups) {
  if (!constant) return scatter_by_conv(y, weight, windows, groups);
  return apply(
      "conv_transpose", y, weight,
      {of_each(windows, &Window::stride), of_each(windows, &Window::dilation), Shape(2 * windows.size(), 0), groups});
}

// What a scatter left on the input [n, Ci, D…] of the windows; zero where no window reached.
Value on_input(Value scattered, const std::vector<Window>& windows) {
  std::vector<int64_t> missing;
  for (size_t d = 0; d < windows.size(); ++d) {
    const Window& w = windows[d];
    const int64_t size = std::min(w.size, scattered.dim(d + 2) - w.before);
    scattered = slice(scattered, d + 2, w.before, size);
    missing.insert(missing.end(), {0, w.size - size});
  }
  return pad(scattered, missing, 0);
}

// dw[o, i, k] = Σ over n and places p of dy[n, o, p] · x[n, i, p·s + k·d − before]: a convolution of x with the kernel
// dy, strides and dilations having changed places. n is summed as channels are, a channel i is an image of its own:
// x [Ci/g, g·n, D…], dy [Co, n, P…] → [Ci/g, Co, K…].
Value weight_gradient(Value x, Value dy, const std::vector<Window>& windows, int64_t groups, const Shape& weight) {
  if (!x.builder().ok()) return x;
  Shape image = x.shape();
  std::vector<int64_t> swap(image.size());
  std::iota(swap.begin(), swap.end(), 0);
  std::swap(swap[0], swap[1]);
  x = transpose(reshape(x, {image[0], groups, weight[1], -1}), {2, 1, 0, 3});
  image[1] = groups * image[0];
  image[0] = weight[1];
  const Setting setting{of_each(windows, &Window::dilation), Shape(windows.size(), 1), padding(windows), groups};
  Value dw = apply("conv", reshape(x, image), transpose(spread(dy, windows), swap), setting);
  for (size_t d = 2; d < weight.size(); ++d) dw = slice(dw, d, 0, weight[d]);
  return transpose(dw, swap);
}

// Σ dy over all but the channels.
Value bias_gradient(Value dy, int64_t channels) {
  std::vector<int64_t> axes(dy.shape().size());
  std::iota(axes.begin(), axes.end(), 0);
  std::erase(axes, 1);
  return reshape(sum(dy, axes), {channels});
}

// Along the channels of an image of this rank.
Value along_channels(Value bias, size_t rank) {
  Shape shape(rank, 1);
  shape[1] = bias.dim(0);
  return reshape(bias, shape);
}

void conv_backward(GradientUse& use) {
  const std::vector<Window> windows = *conv_windows(use.call);
  const int64_t groups = use.call.integer("groups");
  const Value x = use["x"], weight = use["weight"], dy = use.d();
  // A window may lie in the padding as a whole, and the input see nothing of it.
  const auto sees = [](const Window& w) { return w.before < w.stride * (w.out() - 1) + w.reach(); };
  if (use.wants("x") && std::ranges::all_of(windows, sees)) {
    const bool constant = use.call.operands("weight")[0].fixed;
    use.add("x", on_input(scatter(dy, weight, constant, windows, groups), windows));
  }
  if (use.wants("weight")) use.add("weight", weight_gradient(x, dy, windows, groups, use.call.shape("weight")));
  if (use.wants("bias")) use.add("bias", bias_gradient(dy, weight.dim(0)));
}

std::vector<Value> compose_conv_transpose(OpUse& use) {
  const std::vector<Window> windows = *conv_transpose_windows(use.call);
  const Value y = on_input(scatter_by_conv(use["x"], use["weight"], windows, use.call.integer("groups")), windows);
  if (!use.has("bias")) return {y};
  return {y + along_channels(cast(use["bias"], y.dtype()), windows.size() + 2)};
}

void conv_transpose_backward(GradientUse& use) {
  std::vector<Window> windows = *conv_transpose_windows(use.call);
  const Value x = use["x"], weight = use["weight"];
  Value dy = use.d();
  if (use.wants("bias")) use.add("bias", bias_gradient(dy, dy.dim(1)));
  for (size_t d = 0; d < windows.size(); ++d) {  // nothing reaches what is left over at the end
    Window& w = windows[d];
    w.size += std::min<int64_t>(0, w.after);
    w.after = std::max<int64_t>(0, w.after);
    dy = slice(dy, d + 2, 0, w.size);
  }
  const int64_t groups = use.call.integer("groups");
  if (use.wants("x")) {
    use.add("x",
            apply("conv", dy, weight,
                  {of_each(windows, &Window::stride), of_each(windows, &Window::dilation), padding(windows), groups}));
  }
  if (use.wants("weight")) use.add("weight", weight_gradient(dy, x, windows, groups, use.call.shape("weight")));
}

// ---- Entries

std::vector<Param> with_settings(std::vector<Param> params) {
  for (Param& param :
       std::vector{Param::setting("strides", kInt32).maybe(),
                   Param::setting("pad_type", kString, Tensor::text("valid")), Param::setting("pad", kInt32).maybe(),
                   Param::setting("dilations", kInt32).maybe(), Param::setting("groups", kInt32, Tensor::integer(1))}) {
    params.push_back(std::move(param));
  }
  return params;
}

OpDef conv_op(std::vector<Param> params, int since) {
  return {.name = "conv",
          .params = with_settings(std::move(params)),
          .infer = infer_conv,
          .evaluate = [](const OpCall& c,
                         std::span<Array> results) { evaluate_channels(c, *conv_windows(c), false, results[0]); },
          .gradient = conv_backward,
          .since = since,
          .formula = "y[n, o, p] = bias[o] + Σ weight[o, i, k] · x[n, i, p·stride + k·dilation − pad]"};
}

OpDef conv_transpose_op(char x, char weight, int since) {
  std::vector<Param> params = with_settings({Param::operand("x", kFloats, x), Param::weight("weight", kFloats, weight),
                                             Param::weight("bias", kFloats, weight).maybe()});
  params.push_back(Param::setting("output_shape", kInt32).maybe());
  return {
      .name = "conv_transpose",
      .params = std::move(params),
      .infer = infer_conv_transpose,
      .evaluate = [](const OpCall& c,
                     std::span<Array> results) { evaluate_channels(c, *conv_transpose_windows(c), true, results[0]); },
      .gradient = conv_transpose_backward,
      .compose = compose_conv_transpose,
      .since = since,
      .formula = "y[n, i, p·stride + k·dilation − pad] = bias[i] + Σ weight[o, i, k] · x[n, o, p]"};
}

}  // namespace

std::vector<OpDef> convolution_ops() {
  return {
      conv_op({Param::operand("x", kFloats, 'T'), Param::operand("weight", kFloats, 'T'),
               Param::weight("bias", kFloats, 'T').maybe()},
              15),
      conv_op({Param::operand("x", kFloats), Param::operand("weight", kFloats, 'U'),
               Param::operand("bias", kFloats, 'U').maybe()},
              17),
      conv_transpose_op('T', 'T', 15),
      conv_transpose_op('T', 'U', 17),
  };
}

}  // namespace anemone::mil
