// Views: where the elements of a run-time tensor stand in a buffer, so that reshapes, slices and transposes cost
// nothing.
//
//   View x = packed(buffer, {1, 768, 1, 256});
//   View heads = *reshaped(x, {1, 12, 64, 256});
//   View q = permuted(heads, {0, 1, 3, 2});      // [1, 12, 256, 64], strides {.., 16384, 1, 256}
#pragma once

#include <optional>

#include "device/loops.h"
#include "mil/type.h"

namespace anemone {

using BufferId = int32_t;

struct View {
  BufferId buffer = -1;
  int64_t offset = 0;  // in elements
  mil::Shape shape;
  std::vector<int64_t> strides;  // in elements; without meaning where the size is 1

  int64_t count() const { return mil::count(shape); }
};

View packed(BufferId buffer, const mil::Shape& shape);
bool is_packed(const View& view);
// The same elements in the same order of dimensions.
bool same_place(const View& a, const View& b);

View permuted(const View& view, const std::vector<int64_t>& perm);
// The last two dimensions exchanged.
View transposed(const View& view);
View sliced(View view, size_t axis, int64_t begin, int64_t size, int64_t step = 1);
// Nothing where the elements of a new dimension are not evenly spaced.
std::optional<View> reshaped(const View& view, const mil::Shape& shape);
// Repeats dimensions of size 1, and missing outer ones, by a stride of 0.
View broadcast_to(const View& view, const mil::Shape& shape);
// A gapless layout of `like`'s shape whose dimensions nest as those of `like` do.
View packed_like(BufferId buffer, const View& like);

// The nest that visits all views in step. They have one shape. Dimensions nest as the first view's strides do and are
// merged where every view allows it.
Loops loops_over(const std::vector<const View*>& views);
// The places of the batch of matrices c = a·b, all [batch.., rows, columns]; operands: a, b, c. The dimensions of c's
// batch are the largest.
Loops batch_loops(const View& a, const View& b, const View& c);

}  // namespace anemone
