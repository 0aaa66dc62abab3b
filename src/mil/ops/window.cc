#include "mil/ops/window.h"

#include "mil/type.h"

namespace anemone::mil {
namespace {

// The most elements of a pool's kernel; its sums are convolutions with a kernel of ones.
constexpr int64_t kMostTaps = int64_t{1} << 22;

// `same` splits the padding with the extra element after, `same_lower` before.
void pad_same(Window& w, bool lower) {
  const int64_t out = (w.size + w.stride - 1) / w.stride;
  const int64_t total = std::max<int64_t>(0, (out - 1) * w.stride + w.reach() - w.size);
  w.before = lower ? (total + 1) / 2 : total / 2;
  w.after = total - w.before;
}

// Sizes, kernels, strides, dilations and the padding of `custom`.
Result<std::vector<Window>> read_windows(std::string_view op, const OpCall& c, std::span<const int64_t> kernel) {
  const size_t spatial = kernel.size();
  const auto per_dim = [&](std::string_view name, size_t numbers, int64_t fallback) {
    return c.has(name) ? c.integers(name) : std::vector<int64_t>(numbers, fallback);
  };
  const auto strides = per_dim("strides", spatial, 1), dilations = per_dim("dilations", spatial, 1);
  const auto pad = per_dim("pad", 2 * spatial, 0);
  if (strides.size() != spatial || dilations.size() != spatial || pad.size() != 2 * spatial) {
    return fail("{}: strides and dilations need {} numbers, pad {}", op, spatial, 2 * spatial);
  }
  const std::string_view pad_type = c.text("pad_type");
  if (pad_type != "valid" && pad_type != "custom" && pad_type != "same" && pad_type != "same_lower") {
    return fail("{}: pad_type is \"{}\", expected valid, custom, same or same_lower", op, pad_type);
  }
  std::vector<Window> windows;
  for (size_t d = 0; d < spatial; ++d) {
    Window w{c.shape("x")[d + 2], kernel[d], strides[d], dilations[d], 0, 0};
    if (w.kernel < 1) return fail("{}: the kernel is empty", op);
    if (w.stride < 1 || w.dilation < 1) return fail("{}: strides and dilations must be positive", op);
    if (pad[2 * d] < 0 || pad[2 * d + 1] < 0) return fail("{}: pad must not be negative", op);
    if (pad_type == "custom") w.before = pad[2 * d], w.after = pad[2 * d + 1];
    windows.push_back(w);
  }
  return windows;
}

// The same over x: `same` padding too, and no kernel larger than what it slides over.
Result<std::vector<Window>> windows_over_x(std::string_view op, const OpCall& c, std::span<const int64_t> kernel) {
  std::vector<Window> windows = TRY(read_windows(op, c, kernel));
  const std::string_view pad_type = c.text("pad_type");
  for (Window& w : windows) {
    if (pad_type.starts_with("same")) pad_same(w, pad_type == "same_lower");
    if (w.size + w.before + w.after < w.reach()) return fail("{}: the kernel is larger than the padded input", op);
  }
  return windows;
}

Result<std::span<const int64_t>> kernel_of_weight(std::string_view op, const OpCall& c) {
  const Shape& x = c.shape("x");
  const Shape& weight = c.shape("weight");
  if (x.size() < 3 || x.size() > 5 || weight.size() != x.size()) {
    return fail("{}: x {} and weight {} must have one rank, 3 to 5", op, to_string(x), to_string(weight));
  }
  return std::span(weight).subspan(2);
}

Result<> check_ceil_mode(std::string_view op, const OpCall& c, const std::vector<Window>& windows) {
  if (windows.size() > 2) return fail("{}: ceil_mode takes 1 or 2 spatial dimensions, not {}", op, windows.size());
  if (c.text("pad_type").starts_with("same")) return fail("{}: ceil_mode does not go with pad_type same", op);
  const auto uneven = [](const Window& w) { return w.before != w.after; };
  if (std::ranges::any_of(windows, uneven)) return fail("{}: ceil_mode needs as much padding before as after", op);
  return {};
}

}  // namespace

int64_t Window::out() const {
  const int64_t room = size + before + after - reach();
  const int64_t out = (ceil ? room + stride - 1 : room) / stride + 1;
  const bool last_is_padding = ceil && before + after > 0 && (out - 1) * stride >= size + before;
  return last_is_padding ? out - 1 : out;
}

Result<std::vector<Window>> conv_windows(const OpCall& c) {
  return windows_over_x("conv", c, TRY(kernel_of_weight("conv", c)));
}

// s(D−1) + reach elements are scattered to; `custom` crops its padding, `same` leaves s·D, half of the rest cropped
// before as TensorFlow does; output_shape overrides, and all but `custom` crop for it like `same`.
Result<std::vector<Window>> conv_transpose_windows(const OpCall& c) {
  const std::string_view op = "conv_transpose";
  std::vector<Window> windows = TRY(read_windows(op, c, TRY(kernel_of_weight(op, c))));
  const std::string_view pad_type = c.text("pad_type");
  const auto shape = c.has("output_shape") ? c.integers("output_shape") : Shape{};
  if (c.has("output_shape") && shape.size() != windows.size() + 2) {
    return fail("{}: output_shape needs {} numbers", op, windows.size() + 2);
  }
  for (size_t d = 0; d < windows.size(); ++d) {
    Window& w = windows[d];
    if (w.size < 1) return fail("{}: x {} is empty", op, to_string(c.shape("x")));
    const int64_t full = w.stride * (w.size - 1) + w.reach();
    const int64_t own = pad_type.starts_with("same") ? w.stride * w.size : full - w.before - w.after;
    const int64_t out = shape.empty() ? own : shape[d + 2];
    const int64_t cropped = std::max<int64_t>(0, full - out);
    if (pad_type != "custom") w.before = pad_type == "same_lower" ? (cropped + 1) / 2 : cropped / 2;
    w.size = out;
    w.after = full - out - w.before;
    if (w.size < 1 || w.before >= full) return fail("{}: the padding crops all of the output", op);
    if (w.after <= -w.stride) return fail("{}: output_shape {} is larger than strides reach", op, to_string(shape));
  }
  return windows;
}

Result<std::vector<Window>> pool_windows(std::string_view op, const OpCall& c) {
  const Shape kernel = c.integers("kernel_sizes");
  if (c.rank("x") < 3 || c.rank("x") > 5) return fail("{}: x {} needs rank 3 to 5", op, to_string(c.shape("x")));
  if (kernel.size() != c.shape("x").size() - 2) return fail("{}: kernel_sizes needs {} numbers", op, c.rank("x") - 2);
  std::vector<Window> windows = TRY(windows_over_x(op, c, kernel));
  int64_t taps = 1;
  for (const Window& w : windows) {
    if (w.kernel > kMostTaps / taps) return fail("{}: kernel_sizes {} is too large", op, to_string(kernel));
    taps *= w.kernel;
  }
  if (!c.flag("ceil_mode")) return windows;
  TRY(check_ceil_mode(op, c, windows));
  for (Window& w : windows) w.ceil = true;
  return windows;
}

}  // namespace anemone::mil
