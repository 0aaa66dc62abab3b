// The windows of convolutions and pools, for the op table and for the devices that compute them.
#pragma once

#include <algorithm>
#include <span>
#include <string_view>
#include <vector>

#include "mil/op.h"

namespace anemone::mil {

// Of one spatial dimension: output place p sees the elements p·stride + k·dilation − before, k < kernel, of the input;
// those outside of it are padding. A transposed convolution scatters over the windows of the convolution it transposes:
// its input is their output. What the windows leave over at the end is a negative `after` there.
struct Window {
  int64_t size, kernel, stride, dilation, before, after;
  bool ceil = false;  // a last window may hang over the end

  int64_t reach() const { return (kernel - 1) * dilation + 1; }
  int64_t out() const;
  // The padding after, as far as windows reach into it.
  int64_t used_after() const { return std::max<int64_t>(0, (out() - 1) * stride + reach() - size - before); }
  // The k that fall on the input, for the window that begins at `origin`: from first to before last.
  int64_t first(int64_t origin) const { return origin >= 0 ? 0 : (dilation - 1 - origin) / dilation; }
  int64_t last(int64_t origin) const { return std::min(kernel, (size - origin + dilation - 1) / dilation); }
};

// One for each spatial dimension, outermost first, the padding worked out: of a `conv`, a `conv_transpose`, a pool.
Result<std::vector<Window>> conv_windows(const OpCall& conv);
Result<std::vector<Window>> conv_transpose_windows(const OpCall& conv_transpose);
Result<std::vector<Window>> pool_windows(std::string_view op, const OpCall& pool);

// Calls visit(place, element, tap) for each element of the input that each output place sees, through which element of
// the kernel: flat indices over the spatial dimensions. The places come in order, and the taps of each.
template <class Visit>
void for_each_tap(std::span<const Window> windows, const Visit& visit, int64_t place = 0, int64_t element = 0,
                  int64_t tap = 0) {
  if (windows.empty()) return visit(place, element, tap);
  const Window& w = windows[0];
  for (int64_t p = 0, out = w.out(); p < out; ++p) {
    const int64_t origin = p * w.stride - w.before;
    for (int64_t k = w.first(origin); k < w.last(origin); ++k) {
      for_each_tap(windows.subspan(1), visit, place * out + p, element * w.size + origin + k * w.dilation,
                   tap * w.kernel + k);
    }
  }
}

}  // namespace anemone::mil
