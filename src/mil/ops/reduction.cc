// Reductions over constant axes (`axes`, all where left out; `keep_dims`), indices of extremes, running sums.
#include <fmt/format.h>

#include <cmath>
#include <functional>

#include "mil/gradient.h"
#include "mil/ops/elementwise.h"
#include "mil/ops/families.h"
#include "mil/ops/places.h"

namespace anemone::mil {
namespace {

// ---- Which dimensions are reduced.

Result<std::vector<bool>> reduced_axes(std::string_view op, const OpCall& c) {
  const int64_t rank = c.rank("x");
  std::vector<bool> reduced(static_cast<size_t>(rank), !c.has("axes"));
  if (!c.has("axes")) return reduced;
  for (int64_t axis : c.integers("axes")) reduced[size_t(TRY(normalize_axis(op, axis, rank)))] = true;
  return reduced;
}

std::vector<bool> only_axis(const OpCall& c) {
  std::vector<bool> reduced(c.shape("x").size(), false);
  reduced[size_t(*normalize_axis("", c.integer("axis"), c.rank("x")))] = true;
  return reduced;
}

// x's shape with the reduced dimensions as 1, or without them.
Shape reduced_shape(const OpCall& c, const std::vector<bool>& reduced, bool keep_dims) {
  Shape shape;
  for (size_t d = 0; d < reduced.size(); ++d) {
    if (!reduced[d]) shape.push_back(c.shape("x")[d]);
    if (reduced[d] && keep_dims) shape.push_back(1);
  }
  return shape;
}

// The axes that stay, then those that are reduced.
std::vector<int64_t> reduced_last(const std::vector<bool>& reduced) {
  std::vector<int64_t> perm;
  for (bool last : {false, true}) {
    for (size_t d = 0; d < reduced.size(); ++d) {
      if (reduced[d] == last) perm.push_back(int64_t(d));
    }
  }
  return perm;
}

int64_t terms_of(const OpCall& c, const std::vector<bool>& reduced) {
  int64_t terms = 1;
  for (size_t d = 0; d < reduced.size(); ++d) terms *= reduced[d] ? c.shape("x")[d] : 1;
  return terms;
}

using Terms = std::span<const double>;

// out = f(the terms that fall on it), each.
template <class F>
void reduce(const OpCall& c, const std::vector<bool>& reduced, F f, Array& out) {
  const Array& x = c.array("x");
  std::vector<double> sorted(x.data.size());
  take(x.data, permuted(packed_places(x.type.shape), reduced_last(reduced)), sorted);
  const auto terms = size_t(terms_of(c, reduced));
  for (size_t i = 0; i < out.data.size(); ++i) out.data[i] = f(Terms(sorted).subspan(i * terms, terms));
}

// ---- As programs.

// Another reduction, of x, over the axes of this use.
Value reduce(OpUse& use, std::string_view op, Value x, bool keep_dims) {
  const std::vector<bool> reduced = *reduced_axes(op, use.call);
  std::vector<int64_t> axes;
  for (size_t d = 0; d < reduced.size(); ++d) {
    if (reduced[d]) axes.push_back(int64_t(d));
  }
  return use.b.apply(op, {{"x", x}, {"axes", Tensor::ints(axes)}, {"keep_dims", Tensor::boolean(keep_dims)}});
}

Value reduce(OpUse& use, std::string_view op, Value x) { return reduce(use, op, x, use.call.flag("keep_dims")); }

Value unary(std::string_view op, Value x) { return x.builder().apply(op, {{"x", x}}); }

Value natural_log(Value x) { return x.builder().apply("log", {{"x", x}, {"epsilon", Tensor::scalar(x.dtype(), 0)}}); }

// Integers as fp32, for functions of floats.
Value as_float(Value x) { return x.dtype() == DType::int32 ? cast(x, DType::fp32) : x; }

// A result of the reduction, or its gradient, with the reduced dimensions back as 1.
Value with_kept_dims(OpUse& use, Value result) {
  if (use.call.flag("keep_dims")) return result;
  return reshape(result, reduced_shape(use.call, *reduced_axes("", use.call), true));
}

// ---- Sums.

double sum_of(Terms terms) {
  double total = 0;
  for (double x : terms) total += x;
  return total;
}

double sum_of_squares(Terms terms) {
  double total = 0;
  for (double x : terms) total += x * x;
  return total;
}

double sum_of_magnitudes(Terms terms) {
  double total = 0;
  for (double x : terms) total += std::fabs(x);
  return total;
}

double product_of(Terms terms) {
  double product = 1;
  for (double x : terms) product *= x;
  return product;
}

// Of integers, whose products a double would not hold.
double int32_sum_of_squares(Terms terms) {
  double total = 0;
  for (double x : terms) total += int32_product(x, x);
  return total;
}

double int32_product_of(Terms terms) {
  double product = 1;
  for (double x : terms) product = int32_product(product, x);
  return product;
}

double largest_of(Terms terms) {
  double largest = -INFINITY;
  for (double x : terms) largest = larger(largest, x);
  return largest;
}

double smallest_of(Terms terms) {
  double smallest = INFINITY;
  for (double x : terms) smallest = smaller(smallest, x);
  return smallest;
}

// An infinite maximum is not taken out: −∞ − (−∞) would be NaN.
double log_sum_exp_of(Terms terms) {
  const double largest = largest_of(terms), shift = std::isinf(largest) ? 0 : largest;
  double total = 0;
  for (double x : terms) total += std::exp(x - shift);
  return shift + std::log(total);
}

// dx = dy · factor, repeated along the reduced axes.
void spread(GradientUse& use, double factor) {
  Shape repeats = use.call.shape("x");
  const std::vector<bool> reduced = *reduced_axes("", use.call);
  for (size_t d = 0; d < repeats.size(); ++d) repeats[d] = reduced[d] ? repeats[d] : 1;
  const TensorType type{use["x"].dtype(), repeats};
  const Value factors = use.b.constant(Tensor::from_numbers(type, std::vector<double>(size_t(type.count()), factor)));
  use.add("x", with_kept_dims(use, use.d()) * factors);
}

void sum_backward(GradientUse& use) { spread(use, 1); }

void mean_backward(GradientUse& use) {
  spread(use, 1 / static_cast<double>(terms_of(use.call, *reduced_axes("", use.call))));
}

// Equal extremes share the gradient.
void extreme_backward(GradientUse& use) {
  const Value x = use["x"], y = with_kept_dims(use, use.result());
  const Value chosen = cast(use.b.apply("equal", {{"x", x}, {"y", y}}), x.dtype());
  use.add("x", with_kept_dims(use, use.d()) * chosen / reduce(use, "reduce_sum", chosen, true));
}

constexpr int64_t kMostFactors = 2048;

// dx_i = dy · Π_{j≠i} x_j. Not y/x_i, which fails at zeros: each row i of an [n, n] repetition of the n factors has a 1
// in place of its own.
void product_backward(GradientUse& use) {
  const std::vector<bool> reduced = *reduced_axes("", use.call);
  const std::vector<int64_t> perm = reduced_last(reduced);
  const int64_t n = terms_of(use.call, reduced);
  if (n > kMostFactors) {
    return use.b.reject({fmt::format("reduce_prod: the gradient takes at most {} factors, not {}", kMostFactors, n)});
  }
  std::vector<double> diagonal(size_t(n * n), 0);
  std::vector<int64_t> inverse(perm.size());
  for (int64_t i = 0; i < n; ++i) diagonal[size_t(i * (n + 1))] = 1;
  for (size_t i = 0; i < perm.size(); ++i) inverse[size_t(perm[i])] = int64_t(i);

  const Value sorted = transpose(use["x"], perm);
  const Value rows = use.b.apply("select", {{"cond", Tensor::from_numbers({DType::boolean, {n, n}}, diagonal)},
                                            {"a", Tensor::scalar(sorted.dtype(), 1)},
                                            {"b", reshape(sorted, {-1, 1, n})}});
  const Value others = use.b.apply("reduce_prod", {{"x", rows}, {"axes", Tensor::ints({-1})}});
  const Value d = transpose(reshape(others, sorted.shape()), inverse);
  use.add("x", with_kept_dims(use, use.d()) * d);
}

// The gradient is softmax: dx = dy · e^(x−y).
void log_sum_exp_backward(GradientUse& use) {
  const Value y = with_kept_dims(use, use.result());
  use.add("x", with_kept_dims(use, use.d()) * unary("exp", use["x"] - y));
}

// As evaluated, but that an infinite maximum is replaced by the largest finite number, which changes nothing beside it.
std::vector<Value> compose_log_sum_exp(OpUse& use) {
  const Value x = as_float(use["x"]);
  const double limit = x.dtype() == DType::fp16 ? 65504 : 0x1.fffffep127;
  const Value largest =
      use.b.apply("maximum", {{"x", reduce(use, "reduce_max", x, true)}, {"y", Tensor::scalar(x.dtype(), -limit)}});
  const Value shift = use.b.apply("minimum", {{"x", largest}, {"y", Tensor::scalar(x.dtype(), limit)}});
  const Value y = natural_log(reduce(use, "reduce_sum", unary("exp", x - shift), true)) + shift;
  if (use.call.flag("keep_dims")) return {y};
  return {reshape(y, reduced_shape(use.call, *reduced_axes("", use.call), false))};
}

OpDef reduction(std::string_view name, std::string_view formula, double (*f)(Terms), OpDef::Gradient gradient,
                OpDef::Compose compose = nullptr, double (*of_integers)(Terms) = nullptr) {
  return {.name = name,
          .params = {Param::operand("x", kNumbers), Param::setting("axes", kInt32).maybe(),
                     Param::setting("keep_dims", kBool, Tensor::boolean(false))},
          .infer = [name](const OpCall& c) -> Result<std::vector<TensorType>> {
            return {{{c.type("x").dtype, reduced_shape(c, TRY(reduced_axes(name, c)), c.flag("keep_dims"))}}};
          },
          .evaluate =
              [f, of_integers](const OpCall& c, std::span<Array> results) {
                const bool exact = of_integers != nullptr && !is_float(c.type("x").dtype);
                reduce(c, *reduced_axes("", c), exact ? of_integers : f, results[0]);
              },
          .gradient = std::move(gradient),
          .compose = std::move(compose),
          .formula = formula};
}

// ---- Indices of extremes.

Result<DType> index_type(std::string_view name, const OpCall& c) {
  if (!c.has("output_dtype") || c.text("output_dtype") == "int32") return DType::int32;
  if (c.text("output_dtype") == "uint16") return DType::uint16;
  return fail("{}: output_dtype is \"{}\", expected int32 or uint16", name, c.text("output_dtype"));
}

Result<std::vector<TensorType>> infer_index(std::string_view name, const OpCall& c) {
  const int64_t axis = TRY(normalize_axis(name, c.integer("axis"), c.rank("x")));
  const DType dtype = TRY(index_type(name, c));
  const int64_t size = c.shape("x")[size_t(axis)];
  if (size == 0) return fail("{}: x {} has no elements along axis {}", name, to_string(c.shape("x")), axis);
  if (dtype == DType::uint16 && size > 65536) return fail("{}: uint16 cannot number {} elements", name, size);
  return {{{dtype, reduced_shape(c, only_axis(c), c.flag("keep_dims"))}}};
}

// The first of equals; NaN before all numbers, as NumPy has it.
template <class Before>
double first_extreme(Terms terms, Before before) {
  size_t best = 0;
  for (size_t i = 1; i < terms.size(); ++i) {
    const bool first_nan = std::isnan(terms[i]) && !std::isnan(terms[best]);
    if (first_nan || before(terms[i], terms[best])) best = i;
  }
  return static_cast<double>(best);
}

double first_largest(Terms terms) { return first_extreme(terms, std::greater()); }
double first_smallest(Terms terms) { return first_extreme(terms, std::less()); }

// The least index at which x is its extreme, or NaN.
std::vector<Value> compose_index(OpUse& use, std::string_view extreme) {
  const Value x = use["x"];
  const OpCall& c = use.call;
  const int64_t axis = *normalize_axis("", c.integer("axis"), c.rank("x"));
  const Tensor axes = Tensor::ints({axis});
  Shape along(x.shape().size(), 1);
  along[size_t(axis)] = x.dim(size_t(axis));
  const std::vector<int64_t> indices = steps(x.dim(size_t(axis)), 1);

  const Value y = use.b.apply(extreme, {{"x", x}, {"axes", axes}, {"keep_dims", Tensor::boolean(true)}});
  const Value is_extreme = use.b.apply("equal", {{"x", x}, {"y", y}});
  const Value is_nan = use.b.apply("not_equal", {{"x", x}, {"y", x}});
  const Value index = use.b.apply(
      "select",
      {{"cond", use.b.apply("logical_or", {{"x", is_extreme}, {"y", is_nan}})},
       {"a", Tensor::from_numbers({DType::int32, along}, std::vector<double>(indices.begin(), indices.end()))},
       {"b", Tensor::integer(along[size_t(axis)])}});
  return {
      use.b.apply("reduce_min", {{"x", index}, {"axes", axes}, {"keep_dims", Tensor::boolean(c.flag("keep_dims"))}})};
}

OpDef index_reduction(std::string_view name, int since, double (*f)(Terms), std::string_view extreme,
                      std::string_view formula) {
  OpDef op{.name = name,
           .params = {Param::operand("x", kNumbers), Param::setting("axis", kInt32, Tensor::integer(-1)),
                      Param::setting("keep_dims", kBool, Tensor::boolean(false))},
           .infer = [name](const OpCall& c) { return infer_index(name, c); },
           .evaluate = [f](const OpCall& c, std::span<Array> results) { reduce(c, only_axis(c), f, results[0]); },
           .compose = [extreme](OpUse& use) { return compose_index(use, extreme); },
           .since = since,
           .formula = formula};
  if (since >= 17) op.params.push_back(Param::setting("output_dtype", kString, Tensor::text("int32")));
  return op;
}

// ---- Running sums.

// Along `axis`; an exclusive sum leaves its own element out, a reverse one begins at the end.
void evaluate_cumsum(const OpCall& c, std::span<Array> results) {
  const Array& x = c.array("x");
  const auto axis = size_t(*normalize_axis("cumsum", c.integer("axis"), c.rank("x")));
  const int64_t length = x.type.shape[axis], stride = packed_strides(x.type.shape)[axis];
  for (int64_t start = 0; start < x.type.count(); ++start) {
    if (start / stride % length != 0) continue;
    double total = 0;
    for (int64_t i = 0; i < length; ++i) {
      const auto at = size_t(start + (c.flag("reverse") ? length - 1 - i : i) * stride);
      results[0].data[at] = c.flag("exclusive") ? total : total + x.data[at];
      total += x.data[at];
    }
  }
}

// Zeros, then all of x but its last n.
Value delayed(Value x, size_t axis, int64_t n) {
  TensorType type = x.type();
  const int64_t length = type.shape[axis];
  type.shape[axis] = n;
  const Value zeros = x.builder().constant(Tensor::from_numbers(type, std::vector<double>(size_t(type.count()), 0)));
  return n == length ? zeros : concat({zeros, slice(x, axis, 0, length - n)}, int64_t(axis));
}

// Hillis and Steele 1986: after the step of n each element is the sum of 2n, itself the last.
std::vector<Value> compose_cumsum(OpUse& use) {
  const auto axis = size_t(*normalize_axis("cumsum", use.call.integer("axis"), use.call.rank("x")));
  const int64_t length = use.call.shape("x")[axis];
  const auto turned = [&](Value x) {
    return use.call.flag("reverse") ? use.b.apply("reverse", {{"x", x}, {"axes", Tensor::ints({int64_t(axis)})}}) : x;
  };
  Value y = turned(use["x"]);
  if (use.call.flag("exclusive") && length > 0) y = delayed(y, axis, 1);
  for (int64_t n = 1; n < length; n *= 2) y = y + delayed(y, axis, n);
  return {turned(y)};
}

// Each element flows back to those whose sums it is in: the sum runs the other way.
void cumsum_backward(GradientUse& use) {
  Builder::Arguments arguments = use.arguments_without({"x", "reverse"});
  arguments.emplace_back("x", use.d());
  arguments.emplace_back("reverse", Tensor::boolean(!use.call.flag("reverse")));
  use.add("x", use.b.apply("cumsum", arguments));
}

OpDef cumsum_op() {
  return {.name = "cumsum",
          .params = {Param::operand("x", kNumbers), Param::setting("axis", kInt32, Tensor::integer(0)),
                     Param::setting("exclusive", kBool, Tensor::boolean(false)),
                     Param::setting("reverse", kBool, Tensor::boolean(false))},
          .infer = [](const OpCall& c) -> Result<std::vector<TensorType>> {
            TRY(normalize_axis("cumsum", c.integer("axis"), c.rank("x")));
            return {{c.type("x")}};
          },
          .evaluate = evaluate_cumsum,
          .gradient = cumsum_backward,
          .compose = compose_cumsum,
          .formula = "y_i = Σ x_j over j ≤ i (exclusive: j < i; reverse: from the end)"};
}

}  // namespace

std::vector<OpDef> reduction_ops() {
  const auto mean_of = [](Terms terms) { return sum_of(terms) / static_cast<double>(terms.size()); };
  const auto norm_of = [](Terms terms) { return std::sqrt(sum_of_squares(terms)); };
  const auto log_sum_of = [](Terms terms) { return std::log(sum_of(terms)); };
  const auto sum_magnitudes = [](OpUse& use) -> std::vector<Value> {
    return {reduce(use, "reduce_sum", unary("abs", use["x"]))};
  };
  const auto sum_squares = [](OpUse& use) -> std::vector<Value> {
    return {reduce(use, "reduce_sum", unary("square", use["x"]))};
  };
  const auto root_of_squares = [](OpUse& use) -> std::vector<Value> {
    return {unary("sqrt", reduce(use, "reduce_sum", unary("square", as_float(use["x"]))))};
  };
  const auto log_of_sum = [](OpUse& use) -> std::vector<Value> {
    return {natural_log(reduce(use, "reduce_sum", as_float(use["x"])))};
  };
  return {
      reduction("reduce_sum", "Σx over axes", sum_of, sum_backward),
      reduction("reduce_mean", "Σx/count over axes", mean_of, mean_backward),
      reduction("reduce_max", "max x over axes", largest_of, extreme_backward),
      reduction("reduce_min", "min x over axes", smallest_of, extreme_backward),
      reduction("reduce_prod", "Πx over axes", product_of, product_backward, nullptr, int32_product_of),
      reduction("reduce_l1_norm", "Σ|x| over axes", sum_of_magnitudes, nullptr, sum_magnitudes),
      reduction("reduce_l2_norm", "√Σx² over axes", norm_of, nullptr, root_of_squares),
      reduction("reduce_sum_square", "Σx² over axes", sum_of_squares, nullptr, sum_squares, int32_sum_of_squares),
      reduction("reduce_log_sum", "ln Σx over axes", log_sum_of, nullptr, log_of_sum),
      reduction("reduce_log_sum_exp", "ln Σe^x over axes", log_sum_exp_of, log_sum_exp_backward, compose_log_sum_exp),
      index_reduction("reduce_argmax", 15, first_largest, "reduce_max", "the first index of max x along axis"),
      index_reduction("reduce_argmax", 17, first_largest, "reduce_max", "the first index of max x along axis"),
      index_reduction("reduce_argmin", 15, first_smallest, "reduce_min", "the first index of min x along axis"),
      index_reduction("reduce_argmin", 17, first_smallest, "reduce_min", "the first index of min x along axis"),
      cumsum_op(),
  };
}

}  // namespace anemone::mil
