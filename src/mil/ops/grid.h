// The sampling modes of resize_bilinear, resize and crop_resize.
#pragma once

#include <algorithm>
#include <string_view>

#include "mil/op.h"

namespace anemone::mil {

Result<> check_sampling_mode(std::string_view op, const OpCall& c);

// Point i of a grid of n on [0, span]; an axis of X elements has the span X − 1. It is linear in the span, then
// clamped.
struct GridPoint {
  double numerator, denominator;
  double extra = 0, shift = 0;
  double least = 0;  // the span counts as this at least

  GridPoint(std::string_view mode, int64_t i, int64_t n);

  double slope() const { return numerator / denominator; }
  double offset() const { return numerator * extra / denominator + shift; }
  // slope · span + offset, with one rounding where the grid meets elements.
  double at(double span) const {
    return std::clamp(numerator * (std::max(span, least) + extra) / denominator + shift, 0.0, span);
  }
};

}  // namespace anemone::mil
