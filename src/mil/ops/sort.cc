// Orders along an axis: topk and argsort.
#include <algorithm>
#include <numeric>

#include "mil/gradient.h"
#include "mil/ops/families.h"

namespace anemone::mil {
namespace {

// MIL leaves open which of two equal values comes first: here the one that stood first, as NumPy's stable sort has it.
// NaN counts as larger than any number, as in PyTorch.
bool less(double x, double y) { return x < y || (std::isnan(y) && !std::isnan(x)); }

// Calls visit(line, order) for each line of x along its axis; element i of it is x[line + order[i] · stride].
template <class Visit>
void for_each_order(const Array& x, int64_t axis, bool ascending, const Visit& visit) {
  const int64_t length = x.type.shape[size_t(axis)], stride = packed_strides(x.type.shape)[size_t(axis)];
  std::vector<int64_t> order(size_t(length), 0);
  for (int64_t line = 0; line < x.type.count(); ++line) {
    if (line / stride % length != 0) continue;
    const auto value = [&](int64_t i) { return x.data[size_t(line + i * stride)]; };
    std::iota(order.begin(), order.end(), 0);
    std::ranges::stable_sort(
        order, [&](int64_t i, int64_t j) { return ascending ? less(value(i), value(j)) : less(value(j), value(i)); });
    visit(line, order);
  }
}

OpDef argsort_op() {
  return {.name = "argsort",
          .params = {Param::operand("x", kNumbers), Param::setting("axis", kInt32, Tensor::integer(-1)),
                     Param::setting("ascending", kBool, Tensor::boolean(false))},
          .infer = [](const OpCall& c) -> Result<std::vector<TensorType>> {
            TRY(normalize_axis("argsort", c.integer("axis"), c.rank("x")));
            return {{{DType::int32, c.shape("x")}}};
          },
          .evaluate =
              [](const OpCall& c, std::span<Array> results) {
                const int64_t axis = *normalize_axis("argsort", c.integer("axis"), c.rank("x"));
                const int64_t stride = packed_strides(c.shape("x"))[size_t(axis)];
                for_each_order(c.array("x"), axis, c.flag("ascending"), [&](int64_t line, const auto& order) {
                  for (size_t i = 0; i < order.size(); ++i) {
                    results[0].data[size_t(line) + i * size_t(stride)] = static_cast<double>(order[i]);
                  }
                });
              },
          .formula = "the indices along axis that sort x, the largest first unless ascending"};
}

// ---- topk

bool returns_indices(const OpCall& c) { return !c.has("return_indices") || c.flag("return_indices"); }

// From ios17, the form with output_indices_dtype, k = −1 takes all.
Result<std::vector<TensorType>> infer_topk(const OpCall& c) {
  Shape shape = c.shape("x");
  const auto axis = size_t(TRY(normalize_axis("topk", c.integer("axis"), c.rank("x"))));
  const bool all = c.integer("k") == -1 && c.has("output_indices_dtype");
  const int64_t k = all ? shape[axis] : c.integer("k");
  if (!all && (k < 1 || k > shape[axis])) {
    return fail("topk: k is {}, expected 1 to {}, the size of axis {}", k, shape[axis], axis);
  }
  DType indices = DType::int32;
  if (c.has("output_indices_dtype")) {
    const std::string_view name = c.text("output_indices_dtype");
    if (name != "int32" && name != "uint16") {
      return fail("topk: output_indices_dtype is \"{}\", expected int32 or uint16", name);
    }
    indices = *parse_dtype(name);
    if (indices == DType::uint16 && shape[axis] > 65536) {
      return fail("topk: output_indices_dtype uint16 does not reach over axis {} of size {}", axis, shape[axis]);
    }
  }
  shape[axis] = k;
  std::vector<TensorType> types{{c.type("x").dtype, shape}};
  if (returns_indices(c)) types.push_back({indices, shape});
  return types;
}

// With sort = false any order of the k values would do; this gives the sorted one.
void evaluate_topk(const OpCall& c, std::span<Array> results) {
  const int64_t axis = *normalize_axis("topk", c.integer("axis"), c.rank("x"));
  const Array& x = c.array("x");
  const Shape& shape = results[0].type.shape;
  const int64_t stride = packed_strides(shape)[size_t(axis)];
  const int64_t length = x.type.shape[size_t(axis)], k = shape[size_t(axis)];
  for_each_order(x, axis, c.flag("ascending"), [&](int64_t line, const auto& order) {
    const int64_t out = line / (length * stride) * k * stride + line % stride;
    for (int64_t i = 0; i < k; ++i) {
      const auto at = size_t(out + i * stride);
      const int64_t from = order[size_t(i)];
      results[0].data[at] = x.data[size_t(line + from * stride)];
      if (results.size() > 1) results[1].data[at] = static_cast<double>(from);
    }
  });
}

// Each value's gradient goes to where it was taken from.
void topk_backward(GradientUse& use) {
  Value indices;
  if (returns_indices(use.call)) {
    indices = use.result(1);
  } else {
    Builder::Arguments arguments;
    for (const auto& [name, values] : use.operands()) {
      if (name != "return_indices") arguments.emplace_back(name, values);
    }
    const std::vector<Value> results = use.b.apply_all("topk", arguments);
    if (!use.b.ok()) return;
    indices = results.at(1);
  }
  use.add("x", use.b.apply("scatter_along_axis", {{"data", fill(use.b, use.call.type("x"), 0)},
                                                  {"indices", cast(indices, DType::int32)},
                                                  {"updates", use.d()},
                                                  {"axis", Tensor::integer(use.call.integer("axis"))},
                                                  {"mode", Tensor::text("add")}}));
}

// ios15; ios16 with sort and return_indices; ios17 with output_indices_dtype and narrow integers.
OpDef topk_form(int since) {
  const DTypes small = DTypes{DType::int8, DType::int16};
  const DTypes x = since < 17 ? kNumbers : kNumbers | small | DTypes{DType::uint8, DType::uint16};
  std::vector<Param> params{
      Param::operand("x", x), Param::setting("k", since < 17 ? kInt32 : kInt32 | small, Tensor::integer(1)),
      Param::setting("axis", kInt32, Tensor::integer(-1)), Param::setting("ascending", kBool, Tensor::boolean(false))};
  if (since >= 16) {
    params.push_back(Param::setting("sort", kBool, Tensor::boolean(true)));
    params.push_back(Param::setting("return_indices", kBool, Tensor::boolean(true)));
  }
  if (since >= 17) params.push_back(Param::setting("output_indices_dtype", kString, Tensor::text("int32")));
  return {.name = "topk",
          .params = std::move(params),
          .infer = infer_topk,
          .evaluate = evaluate_topk,
          .gradient = topk_backward,
          .since = since,
          .formula = "the k largest values along axis (the smallest where ascending), and their indices"};
}

}  // namespace

std::vector<OpDef> sort_ops() { return {topk_form(15), topk_form(16), topk_form(17), argsort_op()}; }

}  // namespace anemone::mil
