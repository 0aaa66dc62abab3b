// Reductions over constant axes: `axes` (all where left out), `keep_dims`.
#include <algorithm>
#include <cmath>

#include "mil/gradient.h"
#include "mil/ops/families.h"

namespace anemone::mil {
namespace {

Result<std::vector<bool>> reduced_axes(std::string_view op, const OpCall& c) {
  const int64_t rank = c.rank("x");
  std::vector<bool> reduced(static_cast<size_t>(rank), !c.has("axes"));
  if (!c.has("axes")) return reduced;
  for (int64_t axis : c.integers("axes")) reduced[size_t(TRY(normalize_axis(op, axis, rank)))] = true;
  return reduced;
}

struct Reduction {
  double start;
  double (*step)(double total, double x);
  double (*finish)(double total, double count);
};

void evaluate(std::string_view op, const Reduction& reduction, const OpCall& c, std::span<Array> results) {
  const Array& x = c.array("x");
  std::vector<double>& out = results[0].data;
  const std::vector<bool> reduced = *reduced_axes(op, c);
  Shape kept = x.type.shape;
  for (size_t d = 0; d < kept.size(); ++d) kept[d] = reduced[d] ? 1 : kept[d];
  const std::vector<int64_t> in_strides = packed_strides(x.type.shape), out_strides = packed_strides(kept);
  std::ranges::fill(out, reduction.start);
  for (int64_t i = 0; i < x.type.count(); ++i) {
    int64_t at = 0;
    for (size_t d = 0; d < kept.size(); ++d) {
      if (!reduced[d]) at += i / in_strides[d] % kept[d] * out_strides[d];
    }
    out[size_t(at)] = reduction.step(out[size_t(at)], x.data[size_t(i)]);
  }
  const double terms = out.empty() ? 0 : static_cast<double>(x.data.size()) / static_cast<double>(out.size());
  for (double& value : out) value = reduction.finish(value, terms);
}

OpDef reduction(std::string_view name, Reduction reduction, OpDef::Gradient gradient = nullptr) {
  return {name,
          {Param::operand("x", kNumbers), Param::setting("axes", kInt32).maybe(),
           Param::setting("keep_dims", kBool, Tensor::boolean(false))},
          [name](const OpCall& c) -> Result<std::vector<TensorType>> {
            const std::vector<bool> reduced = TRY(reduced_axes(name, c));
            Shape shape;
            for (size_t d = 0; d < reduced.size(); ++d) {
              if (!reduced[d])
                shape.push_back(c.type("x").shape[d]);
              else if (c.flag("keep_dims"))
                shape.push_back(1);
            }
            return {{{c.type("x").dtype, shape}}};
          },
          [name, reduction](const OpCall& c, std::span<Array> results) { evaluate(name, reduction, c, results); },
          std::move(gradient)};
}

// The gradient of a result of the reduction, with its reduced dimensions back as 1.
Value with_kept_dims(GradientUse& use, Value gradient) {
  const OpCall& c = use.call;
  if (c.flag("keep_dims")) return gradient;
  const std::vector<bool> reduced = *reduced_axes("", c);
  Shape kept = c.shape("x");
  for (size_t d = 0; d < kept.size(); ++d) kept[d] = reduced[d] ? 1 : kept[d];
  return reshape(gradient, kept);
}

// dx = dy, repeated along the reduced axes.
void sum_backward(GradientUse& use) {
  const Value x = use["x"];
  const Value ones = use.b.constant(Tensor::from_numbers(x.type(), std::vector<double>(size_t(x.type().count()), 1.0)));
  use.add("x", with_kept_dims(use, use.d()) * ones);
}

double as_is(double total, double) { return total; }
double plus(double total, double x) { return total + x; }

}  // namespace

std::vector<OpDef> reduction_ops() {
  return {
      reduction("reduce_sum", {0, plus, as_is}, sum_backward),
      reduction("reduce_mean", {0, plus, [](double total, double terms) { return total / terms; }}),
      reduction("reduce_max", {-INFINITY, larger, as_is}),
      reduction("reduce_min", {INFINITY, smaller, as_is}),
  };
}

}  // namespace anemone::mil
