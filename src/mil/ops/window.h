// The windows of a convolution, for the op table and for the devices that compute it.
#pragma once

#include <vector>

#include "mil/op.h"

namespace anemone::mil {

// Of one spatial dimension.
struct Window {
  int64_t size, kernel, stride, dilation, before, after;
  int64_t reach() const { return (kernel - 1) * dilation + 1; }
  int64_t out() const { return (size + before + after - reach()) / stride + 1; }
};

// One for each spatial dimension of a `conv`, outermost first, its padding worked out.
Result<std::vector<Window>> conv_windows(const OpCall& conv);

}  // namespace anemone::mil
