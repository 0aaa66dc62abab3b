#include "device/layout.h"

#include <algorithm>
#include <cstdlib>
#include <numeric>

#include "base/check.h"

namespace anemone {
namespace {

// Dimensions of size above 1, those of larger stride first.
std::vector<size_t> nesting(const View& view) {
  std::vector<size_t> order(view.shape.size());
  std::iota(order.begin(), order.end(), size_t{0});
  std::erase_if(order, [&](size_t d) { return view.shape[d] == 1; });
  std::ranges::stable_sort(order,
                           [&](size_t a, size_t b) { return std::abs(view.strides[a]) > std::abs(view.strides[b]); });
  return order;
}

// Whether a dimension of these strides continues the one just outside it, for every operand.
bool continues(const Loops& loops, const std::vector<int64_t>& strides, int64_t size) {
  for (size_t i = 0; i < strides.size(); ++i) {
    if (loops.strides[i].back() != strides[i] * size) return false;
  }
  return true;
}

}  // namespace

View packed(BufferId buffer, const mil::Shape& shape) { return {buffer, 0, shape, mil::packed_strides(shape)}; }

bool is_packed(const View& view) {
  View plain = packed(view.buffer, view.shape);
  plain.offset = view.offset;
  return same_place(view, plain);
}

bool same_place(const View& a, const View& b) {
  if (a.buffer != b.buffer || a.offset != b.offset || a.shape != b.shape) return false;
  for (size_t d = 0; d < a.shape.size(); ++d) {
    if (a.shape[d] != 1 && a.strides[d] != b.strides[d]) return false;
  }
  return true;
}

View permuted(const View& view, const std::vector<int64_t>& perm) {
  View result{view.buffer, view.offset, {}, {}};
  for (int64_t axis : perm) {
    result.shape.push_back(view.shape[size_t(axis)]);
    result.strides.push_back(view.strides[size_t(axis)]);
  }
  return result;
}

View transposed(const View& view) {
  View result = view;
  const size_t last = view.shape.size() - 1;
  std::swap(result.shape[last], result.shape[last - 1]);
  std::swap(result.strides[last], result.strides[last - 1]);
  return result;
}

View sliced(View view, size_t axis, int64_t begin, int64_t size, int64_t step) {
  view.offset += begin * view.strides[axis];
  view.shape[axis] = size;
  view.strides[axis] *= step;
  return view;
}

std::optional<View> reshaped(const View& view, const mil::Shape& shape) {
  // Runs of evenly spaced elements, outermost first; a new dimension must lie within one run.
  std::vector<std::pair<int64_t, int64_t>> runs;  // size, stride
  for (size_t d = 0; d < view.shape.size(); ++d) {
    if (view.shape[d] == 1) continue;
    if (!runs.empty() && runs.back().second == view.strides[d] * view.shape[d]) {
      runs.back() = {runs.back().first * view.shape[d], view.strides[d]};
    } else {
      runs.emplace_back(view.shape[d], view.strides[d]);
    }
  }
  View result{view.buffer, view.offset, shape, std::vector<int64_t>(shape.size(), 0)};
  for (size_t d = shape.size(); d-- > 0;) {
    if (shape[d] == 1) continue;
    while (runs.back().first == 1) runs.pop_back();
    auto& [size, stride] = runs.back();
    if (size % shape[d] != 0) return std::nullopt;
    result.strides[d] = stride;
    stride *= shape[d];
    size /= shape[d];
  }
  return result;
}

View broadcast_to(const View& view, const mil::Shape& shape) {
  View result{view.buffer, view.offset, shape, std::vector<int64_t>(shape.size(), 0)};
  const size_t missing = shape.size() - view.shape.size();
  for (size_t d = 0; d < view.shape.size(); ++d) {
    if (view.shape[d] != 1) result.strides[missing + d] = view.strides[d];
  }
  return result;
}

View packed_like(BufferId buffer, const View& like) {
  View result{buffer, 0, like.shape, std::vector<int64_t>(like.shape.size(), 0)};
  int64_t stride = 1;
  const std::vector<size_t> order = nesting(like);
  for (size_t i = order.size(); i-- > 0; stride *= like.shape[order[i]]) result.strides[order[i]] = stride;
  return result;
}

Loops loops_over(const std::vector<const View*>& views) {
  Loops loops{{}, std::vector<std::vector<int64_t>>(views.size())};
  for (size_t d : nesting(*views[0])) {
    std::vector<int64_t> strides;
    for (const View* view : views) strides.push_back(view->strides[d]);
    const int64_t size = views[0]->shape[d];
    const bool merge = !loops.sizes.empty() && continues(loops, strides, size);
    if (!merge) loops.sizes.push_back(1);
    loops.sizes.back() *= size;
    for (size_t i = 0; i < views.size(); ++i) {
      if (!merge) loops.strides[i].push_back(0);
      loops.strides[i].back() = strides[i];
    }
  }
  if (!loops.sizes.empty()) return loops;
  loops.sizes = {1};  // a single element
  for (auto& strides : loops.strides) strides = {1};
  return loops;
}

Loops batch_loops(const View& a, const View& b, const View& c) {
  const mil::Shape shape(c.shape.begin(), c.shape.end() - 2);
  const auto leading = [&](const View& v) {
    return broadcast_to({v.buffer, 0, {v.shape.begin(), v.shape.end() - 2}, v.strides}, shape);
  };
  const View batch_a = leading(a), batch_b = leading(b), batch_c = leading(c);
  Loops loops = loops_over({&batch_c, &batch_a, &batch_b});
  std::rotate(loops.strides.begin(), loops.strides.begin() + 1, loops.strides.end());
  return loops;
}

}  // namespace anemone
