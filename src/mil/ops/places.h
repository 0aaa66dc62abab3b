// Where the elements of one tensor lie in the packed data of another: all that most ops which move data have to say.
#pragma once

#include <vector>

#include "mil/op.h"

namespace anemone::mil {

// Element [i0, i1, …] lies at Σ offsets[d][i_d]; offsets[d] is as long as dimension d.
using Places = std::vector<std::vector<int64_t>>;

// start, start + step, …
inline std::vector<int64_t> steps(int64_t count, int64_t step, int64_t start = 0) {
  std::vector<int64_t> offsets(static_cast<size_t>(count));
  for (size_t i = 0; i < offsets.size(); ++i) offsets[i] = start + static_cast<int64_t>(i) * step;
  return offsets;
}

// Those of a packed tensor in its own data.
inline Places packed_places(const Shape& shape) {
  const std::vector<int64_t> strides = packed_strides(shape);
  Places places;
  for (size_t d = 0; d < shape.size(); ++d) places.push_back(steps(shape[d], strides[d]));
  return places;
}

// Those of a tensor whose axis i is axis perm[i] of another.
inline Places permuted(const Places& places, const std::vector<int64_t>& perm) {
  Places out;
  for (int64_t axis : perm) out.push_back(places[size_t(axis)]);
  return out;
}

// Calls visit(i, place) for each element i in order.
template <class Visit>
void for_each_place(const Places& places, const Visit& visit) {
  int64_t total = 1, at = 0;
  for (const auto& offsets : places) {
    if (offsets.empty()) return;
    total *= static_cast<int64_t>(offsets.size());
    at += offsets[0];
  }
  std::vector<size_t> index(places.size(), 0);
  for (int64_t i = 0; i < total; ++i) {
    visit(static_cast<size_t>(i), static_cast<size_t>(at));
    for (size_t d = places.size(); d-- > 0;) {
      at -= places[d][index[d]];
      index[d] = (index[d] + 1) % places[d].size();
      at += places[d][index[d]];
      if (index[d] != 0) break;
    }
  }
}

// to[i] = from[place of i], and to[place of i] = from[i].
inline void take(const std::vector<double>& from, const Places& places, std::vector<double>& to) {
  for_each_place(places, [&](size_t i, size_t at) { to[i] = from[at]; });
}
inline void put(const std::vector<double>& from, const Places& places, std::vector<double>& to) {
  for_each_place(places, [&](size_t i, size_t at) { to[at] = from[i]; });
}

}  // namespace anemone::mil
