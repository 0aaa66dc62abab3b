// Slices as MIL writes them, of views.
//
//   const Cuts cuts = cuts_of(call, shape_of_the_slice);
//   View part = slice_of(x, cuts, begin);
#pragma once

#include <algorithm>

#include "device/layout.h"
#include "mil/op.h"

namespace anemone {

// A slice along one dimension.
struct Cut {
  int64_t dim, size, stride;
  bool open = false;  // begins where the dimension does, whatever `begin` says

  // Where it begins: a negative number counts from the end, and what leaves the dimension is moved inside.
  int64_t first(int64_t begin) const {
    if (open) begin = stride > 0 ? 0 : dim - 1;
    const int64_t reach = (size - 1) * stride;
    const int64_t low = std::max<int64_t>(0, -reach), high = dim - 1 - std::max<int64_t>(0, reach);
    return std::clamp(begin < 0 ? begin + dim : begin, low, std::max(low, high));
  }
};
using Cuts = std::vector<Cut>;

// Of slice_by_size, slice_by_index and slice_update; `sizes` are those of the slice, without its squeezed dimensions.
inline Cuts cuts_of(const mil::OpCall& call, const mil::Shape& sizes) {
  const auto numbers = [&](std::string_view name, int64_t otherwise) {
    return call.has(name) ? call.integers(name) : std::vector<int64_t>(call.shape("x").size(), otherwise);
  };
  const auto stride = numbers("stride", 1), open = numbers("begin_mask", 0), squeezed = numbers("squeeze_mask", 0);
  Cuts cuts;
  auto size = sizes.begin();
  for (size_t d = 0; d < stride.size(); ++d) {
    cuts.push_back({call.shape("x")[d], squeezed[d] != 0 ? 1 : *size++, stride[d], open[d] != 0});
  }
  return cuts;
}

// The slice of x that begins at its very first element.
inline View slice_of(View x, const Cuts& cuts) {
  for (size_t d = 0; d < cuts.size(); ++d) x = sliced(std::move(x), d, 0, cuts[d].size, cuts[d].stride);
  return x;
}

// How far behind that the slice of x begins that `begin(d)` asks for.
template <class Begin>
int64_t offset_of(const View& x, const Cuts& cuts, const Begin& begin) {
  int64_t offset = 0;
  for (size_t d = 0; d < cuts.size(); ++d) offset += cuts[d].first(begin(d)) * x.strides[d];
  return offset;
}

inline View slice_of(const View& x, const Cuts& cuts, const mil::Tensor& begin) {
  View slice = slice_of(x, cuts);
  slice.offset += offset_of(x, cuts, [&](size_t d) { return static_cast<int64_t>(begin.number(int64_t(d))); });
  return slice;
}

}  // namespace anemone
