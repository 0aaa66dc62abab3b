// Axes as MIL writes them, and views of parts along them.
//
//   const size_t axis = axis_of(call, "axis", x.shape.size());        // negative ones count from the end
//   for (const View& part : concat_parts(call, result)) ...            // where each of the values goes
#pragma once

#include <vector>

#include "device/layout.h"
#include "mil/op.h"

namespace anemone {

// A setting that names an axis.
inline size_t axis_of(const mil::OpCall& call, std::string_view name, size_t rank) {
  const int64_t axis = call.integer(name);
  return size_t(axis < 0 ? axis + int64_t(rank) : axis);
}

// Of transpose: axis i of the result is axis perm[i] of x.
inline std::vector<int64_t> permutation(const mil::OpCall& transpose) {
  std::vector<int64_t> perm = transpose.integers("perm");
  for (int64_t& axis : perm) axis += axis < 0 ? int64_t(perm.size()) : 0;
  return perm;
}

// Of a reduction: the axes of x that go; all where none are named.
inline std::vector<bool> reduced_axes(const mil::OpCall& reduction) {
  const auto rank = size_t(reduction.rank("x"));
  std::vector<bool> reduced(rank, !reduction.has("axes"));
  if (!reduction.has("axes")) return reduced;
  for (int64_t axis : reduction.integers("axes")) reduced[size_t(axis < 0 ? axis + int64_t(rank) : axis)] = true;
  return reduced;
}

// Of concat: where each of its values has its place within `home`.
inline std::vector<View> concat_parts(const mil::OpCall& concat, const View& home) {
  const auto values = concat.operands("values");
  const size_t axis = axis_of(concat, "axis", home.shape.size());
  const bool interleave = concat.flag("interleave");
  std::vector<View> parts;
  int64_t begin = 0;
  for (const mil::OpCall::Operand& value : values) {
    const int64_t size = value.type.shape[axis];
    parts.push_back(sliced(home, axis, begin, size, interleave ? int64_t(values.size()) : 1));
    begin += interleave ? 1 : size;
  }
  return parts;
}

// Of split: parts of x one after another, each as long along the axis as sizes(i) says.
template <class Sizes>
std::vector<View> split_parts(const mil::OpCall& split, const View& x, size_t count, const Sizes& sizes) {
  const size_t axis = axis_of(split, "axis", x.shape.size());
  std::vector<View> parts;
  int64_t begin = 0;
  for (size_t i = 0; i < count; ++i) {
    const int64_t size = sizes(i)[axis];
    parts.push_back(sliced(x, axis, begin, size));
    begin += size;
  }
  return parts;
}

}  // namespace anemone
