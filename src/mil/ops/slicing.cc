// Slices, taken and replaced.
//
// Where begin and end are computed at run time, sizes must still be known when the program is checked: from `size`,
// from the update, or because whole dimensions or single elements are taken. Slices that would then lie outside are
// moved inside.
#include <fmt/format.h>

#include <algorithm>

#include "mil/gradient.h"
#include "mil/ops/families.h"
#include "mil/ops/places.h"

namespace anemone::mil {
namespace {

std::string list(const OpCall& c, std::string_view name) {
  return fmt::format("[{}]", fmt::join(c.integers(name), ", "));
}

Param position(std::string_view name) { return {.name = name, .accepts = kInt32, .need = Need::if_constant}; }

// The numbers of an operand that may be computed at run time, where they are known.
std::optional<std::vector<int64_t>> known(const OpCall& c, std::string_view name) {
  const OpCall::Operand& operand = c.operands(name)[0];
  if (operand.constant != nullptr) return operand.constant->integers();
  if (operand.array != nullptr) return std::vector<int64_t>(operand.array->data.begin(), operand.array->data.end());
  return std::nullopt;
}

// A slice along one dimension of x, as NumPy's begin : end : stride. What is not known is empty; an open end is masked.
struct Cut {
  int64_t dim = 0;
  int64_t stride = 1;
  bool open_begin = false, open_end = false;
  bool squeezed = false;  // takes one element, and the dimension vanishes
  std::optional<int64_t> begin{}, end{};

  // The first element, and the one past the last: from −1, or 0 to dim.
  std::optional<int64_t> first() const {
    if (open_begin) return stride > 0 ? 0 : dim - 1;
    return clamped(begin);
  }
  std::optional<int64_t> past() const {
    if (open_end) return stride > 0 ? dim : -1;
    return clamped(end);
  }
  std::optional<int64_t> size() const {
    if (squeezed) return 1;
    if (!first() || !past()) return std::nullopt;
    const int64_t span = stride > 0 ? *past() - *first() : *first() - *past(), step = std::abs(stride);
    return std::max<int64_t>(0, (span + step - 1) / step);
  }
  bool holds(int64_t size) const { return (size - 1) * std::abs(stride) < dim; }

 private:
  std::optional<int64_t> clamped(std::optional<int64_t> at) const {
    if (!at) return std::nullopt;
    const int64_t from_start = *at < 0 ? *at + dim : *at;
    return stride > 0 ? std::clamp<int64_t>(from_start, 0, dim) : std::clamp<int64_t>(from_start, -1, dim - 1);
  }
};
using Cuts = std::vector<Cut>;

// Of slice_by_index and slice_update.
Result<Cuts> cuts_by_index(std::string_view op, const OpCall& c) {
  const size_t rank = c.shape("x").size();
  for (std::string_view name : {"begin", "end", "stride", "begin_mask", "end_mask", "squeeze_mask"}) {
    if (c.has(name) && size_t(c.type(name).count()) != rank) return fail("{}: {} needs {} numbers", op, name, rank);
  }
  const auto numbers = [&](std::string_view name, int64_t otherwise) {
    return c.has(name) ? c.integers(name) : std::vector<int64_t>(rank, otherwise);
  };
  const std::vector<int64_t> stride = numbers("stride", 1), begin_mask = numbers("begin_mask", 0),
                             end_mask = numbers("end_mask", 0), squeeze_mask = numbers("squeeze_mask", 0);
  const auto begin = known(c, "begin"), end = known(c, "end");
  Cuts cuts(rank);
  for (size_t d = 0; d < rank; ++d) {
    cuts[d] = {.dim = c.shape("x")[d],
               .stride = stride[d],
               .open_begin = begin_mask[d] != 0,
               .open_end = end_mask[d] != 0,
               .squeezed = squeeze_mask[d] != 0};
    if (begin) cuts[d].begin = (*begin)[d];
    if (end) cuts[d].end = (*end)[d];
  }
  return cuts;
}

// What can be wrong with a cut whatever its size.
Result<> check_cut(std::string_view op, const Cut& cut, size_t axis) {
  if (cut.stride == 0) return fail("{}: stride must not be 0", op);
  if (!cut.squeezed) return {};
  const bool outside = !cut.open_begin && cut.begin && (*cut.begin < -cut.dim || *cut.begin >= cut.dim);
  if (cut.dim == 0 || outside) return fail("{}: begin is outside of axis {}, whose size is {}", op, axis, cut.dim);
  return {};
}

// The shape of a slice with its squeezed dimensions as 1.
Shape with_squeezed(const Cuts& cuts, const Shape& shape) {
  Shape sizes;
  auto next = shape.begin();
  for (const Cut& cut : cuts) sizes.push_back(cut.squeezed ? 1 : *next++);
  return sizes;
}

// Of slices of these sizes, in x; moved inside where begin, known at run time only, leaves it.
Places slice_places(const Cuts& cuts, const Shape& sizes) {
  Shape x;
  for (const Cut& cut : cuts) x.push_back(cut.dim);
  const std::vector<int64_t> strides = packed_strides(x);
  Places places;
  for (size_t d = 0; d < cuts.size(); ++d) {
    const int64_t reach = std::max<int64_t>(sizes[d] - 1, 0) * cuts[d].stride;  // from the first to the last
    const int64_t low = std::max<int64_t>(0, -reach), high = cuts[d].dim - 1 - std::max<int64_t>(0, reach);
    const int64_t first = std::clamp(*cuts[d].first(), low, std::max(low, high));
    places.push_back(steps(sizes[d], cuts[d].stride * strides[d], first * strides[d]));
  }
  return places;
}

bool begins_known(const Cuts& cuts) {
  return std::ranges::all_of(cuts, [](const Cut& cut) { return cut.first().has_value(); });
}

bool unit_strides(const Cuts& cuts) {
  return std::ranges::all_of(cuts, [](const Cut& cut) { return cut.stride == 1; });
}

Value zeros(Builder& b, const TensorType& type) {
  return b.constant(Tensor::from_numbers(type, std::vector<double>(size_t(type.count()), 0)), "zeros");
}

// The transpose of a contiguous slice at known places: `d` with zeros around it.
Value embedded(Value d, const Cuts& cuts, const Shape& sizes) {
  std::vector<int64_t> pairs;
  for (size_t i = 0; i < cuts.size(); ++i) {
    const int64_t first = *cuts[i].first();
    pairs.insert(pairs.end(), {first, cuts[i].dim - first - sizes[i]});
  }
  return pad(d.shape() == sizes ? d : reshape(d, sizes), pairs, 0);
}

// ---- slice_by_index

Result<std::vector<TensorType>> infer_by_index(const OpCall& c) {
  const Cuts cuts = TRY(cuts_by_index("slice_by_index", c));
  Shape shape;
  for (size_t d = 0; d < cuts.size(); ++d) {
    TRY(check_cut("slice_by_index", cuts[d], d));
    if (!cuts[d].size()) {
      return fail(
          "slice_by_index: the size of axis {} depends on begin and end, which are not constant; use slice_by_size", d);
    }
    if (!cuts[d].squeezed) shape.push_back(*cuts[d].size());
  }
  return {{{c.type("x").dtype, shape}}};
}

void evaluate_by_index(const OpCall& c, std::span<Array> results) {
  const Cuts cuts = *cuts_by_index("", c);
  take(c.array("x").data, slice_places(cuts, with_squeezed(cuts, results[0].type.shape)), results[0].data);
}

void by_index_backward(GradientUse& use) {
  const Cuts cuts = *cuts_by_index("", use.call);
  const Value d = use.d();
  if (unit_strides(cuts) && begins_known(cuts)) {
    return use.add("x", embedded(d, cuts, with_squeezed(cuts, d.shape())));
  }
  Builder::Arguments arguments = use.arguments_without({"x"});
  arguments.emplace_back("x", zeros(use.b, use["x"].type()));
  arguments.emplace_back("update", d);
  use.add("x", use.b.apply("slice_update", arguments));
}

std::vector<Param> index_params() {
  return {position("begin"),
          position("end"),
          Param::setting("stride", kInt32).maybe(),
          Param::setting("begin_mask", kBool).maybe(),
          Param::setting("end_mask", kBool).maybe(),
          Param::setting("squeeze_mask", kBool).maybe()};
}

OpDef slice_by_index_op() {
  std::vector<Param> params = index_params();
  params.insert(params.begin(), Param::operand("x"));
  return {.name = "slice_by_index",
          .params = std::move(params),
          .infer = infer_by_index,
          .evaluate = evaluate_by_index,
          .gradient = by_index_backward,
          .formula = "x[begin : end : stride], each end open where masked; squeezed axes take the element at begin"};
}

// ---- slice_update

Result<std::vector<TensorType>> infer_update(const OpCall& c) {
  const Cuts cuts = TRY(cuts_by_index("slice_update", c));
  const Shape& update = c.shape("update");
  std::vector<std::string> expected;
  bool fits = true;
  for (size_t d = 0; d < cuts.size(); ++d) {
    TRY(check_cut("slice_update", cuts[d], d));
    if (cuts[d].squeezed) continue;
    const int64_t given = expected.size() < update.size() ? update[expected.size()] : -1;
    const auto size = cuts[d].size();
    fits = fits && given >= 0 && (size ? given == *size : cuts[d].holds(given));
    expected.push_back(size ? std::to_string(*size) : "?");
  }
  if (!fits || expected.size() != update.size()) {
    return fail("slice_update: update is {}, but the slice of x {} is [{}]", to_string(update), to_string(c.shape("x")),
                fmt::join(expected, ", "));
  }
  return {{c.type("x")}};
}

void evaluate_update(const OpCall& c, std::span<Array> results) {
  const Cuts cuts = *cuts_by_index("", c);
  const Array& update = c.array("update");
  results[0].data = c.array("x").data;
  put(update.data, slice_places(cuts, with_squeezed(cuts, update.type.shape)), results[0].data);
}

// The slice of a gradient from which the update's comes. One whose place is not known is taken by its size.
Value slice_of_gradient(GradientUse& use, const Cuts& cuts) {
  const Shape update = use.call.shape("update");
  const bool sizes_known = std::ranges::all_of(cuts, [](const Cut& cut) { return cut.size().has_value(); });
  if (sizes_known || !unit_strides(cuts)) {
    Builder::Arguments arguments = use.arguments_without({"x", "update"});
    arguments.emplace_back("x", use.d());
    return use.b.apply("slice_by_index", arguments);
  }
  std::vector<int64_t> counts;  // 0 where begin is masked
  for (const Cut& cut : cuts) counts.push_back(cut.open_begin ? 0 : 1);
  const Value begin = use.b.apply("mul", {{"x", use["begin"]}, {"y", Tensor::ints(counts)}});
  const Tensor size = Tensor::ints(with_squeezed(cuts, update));
  return reshape(use.b.apply("slice_by_size", {{"x", use.d()}, {"begin", begin}, {"size", size}}), update);
}

void update_backward(GradientUse& use) {
  if (use.wants("update")) use.add("update", slice_of_gradient(use, *cuts_by_index("", use.call)));
  if (!use.wants("x")) return;
  Builder::Arguments arguments = use.arguments_without({"x", "update"});
  arguments.emplace_back("x", use.d());
  arguments.emplace_back("update", zeros(use.b, use["update"].type()));
  use.add("x", use.b.apply("slice_update", arguments));
}

OpDef slice_update_op() {
  std::vector<Param> params = index_params();
  params.insert(params.begin(), {Param::operand("x", kAny, 'T'), Param::operand("update", kAny, 'T')});
  return {.name = "slice_update",
          .params = std::move(params),
          .infer = infer_update,
          .evaluate = evaluate_update,
          .gradient = update_backward,
          .since = 18,
          .formula = "x with x[begin : end : stride] replaced by update"};
}

// ---- slice_by_size, crop

Cuts cuts_by_size(const OpCall& c) {
  const auto begin = known(c, "begin");
  Cuts cuts;
  for (size_t d = 0; d < c.shape("x").size(); ++d) {
    Cut& cut = cuts.emplace_back(Cut{.dim = c.shape("x")[d]});
    if (begin) cut.begin = (*begin)[d];
  }
  return cuts;
}

// A negative begin counts from the end; size −1 reaches to it.
Result<std::vector<TensorType>> infer_by_size(const OpCall& c) {
  const Shape& x = c.shape("x");
  Shape size = c.integers("size");
  if (size_t(c.type("begin").count()) != x.size() || size.size() != x.size()) {
    return fail("slice_by_size: begin and size need {} numbers", x.size());
  }
  const auto begin = known(c, "begin");
  for (size_t d = 0; d < x.size(); ++d) {
    if (!begin && size[d] == -1) return fail("slice_by_size: a size of -1 needs a constant begin");
    const int64_t first = !begin ? 0 : (*begin)[d] < 0 ? (*begin)[d] + x[d] : (*begin)[d];
    if (size[d] == -1) size[d] = x[d] - first;
    if (first >= 0 && size[d] >= 1 && first + size[d] <= x[d]) continue;
    return fail("slice_by_size: begin {} and size {} leave {}", begin ? list(c, "begin") : "at run time",
                list(c, "size"), to_string(x));
  }
  return {{{c.type("x").dtype, size}}};
}

void by_size_backward(GradientUse& use) {
  const Cuts cuts = cuts_by_size(use.call);
  const Value d = use.d();
  if (begins_known(cuts)) return use.add("x", embedded(d, cuts, d.shape()));
  const Value end = use.b.apply("add", {{"x", use["begin"]}, {"y", use["size"]}});
  use.add("x",
          use.b.apply("slice_update",
                      {{"x", zeros(use.b, use["x"].type())}, {"update", d}, {"begin", use["begin"]}, {"end", end}}));
}

OpDef slice_by_size_op() {
  return {.name = "slice_by_size",
          .params = {Param::operand("x"), position("begin"), Param::setting("size", kInt32)},
          .infer = infer_by_size,
          .evaluate =
              [](const OpCall& c, std::span<Array> results) {
                take(c.array("x").data, slice_places(cuts_by_size(c), results[0].type.shape), results[0].data);
              },
          .gradient = by_size_backward,
          .formula = "x[begin : begin + size], to the end where size is −1"};
}

// The slice of x that remains.
struct Rest {
  std::vector<int64_t> begin;
  Shape size;
};

Result<Rest> uncropped(const OpCall& c) {
  Rest rest{std::vector<int64_t>(c.shape("x").size(), 0), c.shape("x")};
  if (rest.size.size() < 2) return fail("crop: x {} needs rank 2 or more", to_string(rest.size));
  size_t axis = rest.size.size() - 2;
  for (std::string_view name : {"crop_height", "crop_width"}) {
    const std::vector<int64_t> crop = c.integers(name);
    if (crop.size() != 2) return fail("crop: {} needs 2 numbers", name);
    if (crop[0] < 0 || crop[1] < 0 || crop[0] + crop[1] >= rest.size[axis]) {
      return fail("crop: {} {} leaves nothing of {}", name, list(c, name), rest.size[axis]);
    }
    rest.begin[axis] = crop[0];
    rest.size[axis] -= crop[0] + crop[1];
    ++axis;
  }
  return rest;
}

OpDef crop_op() {
  return {
      .name = "crop",
      .params = {Param::operand("x", kFloats), Param::setting("crop_height", kInt32),
                 Param::setting("crop_width", kInt32)},
      .infer = [](const OpCall& c) -> Result<std::vector<TensorType>> {
        return {{{c.type("x").dtype, TRY(uncropped(c)).size}}};
      },
      .evaluate =
          [](const OpCall& c, std::span<Array> results) {
            const Rest rest = *uncropped(c);
            const std::vector<int64_t> strides = packed_strides(c.shape("x"));
            Places places;
            for (size_t d = 0; d < strides.size(); ++d) {
              places.push_back(steps(rest.size[d], strides[d], rest.begin[d] * strides[d]));
            }
            take(c.array("x").data, places, results[0].data);
          },
      .compose = [](OpUse& use) -> std::vector<Value> {
        const Rest rest = *uncropped(use.call);
        return {use.b.apply("slice_by_size",
                            {{"x", use["x"]}, {"begin", Tensor::ints(rest.begin)}, {"size", Tensor::ints(rest.size)}})};
      },
      .formula = "x without (before, after) in its last two axes"};
}

}  // namespace

std::vector<OpDef> slicing_ops() { return {slice_by_index_op(), slice_by_size_op(), slice_update_op(), crop_op()}; }

}  // namespace anemone::mil
