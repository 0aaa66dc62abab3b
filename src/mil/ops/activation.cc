// Activations. Most are formulas of simpler ops: where a composition is not the obvious one, it avoids what overflows
// or cancels in half precision. At kinks the gradients are PyTorch's.
#include <algorithm>
#include <cmath>
#include <numbers>

#include "mil/gradient.h"
#include "mil/ops/families.h"

namespace anemone::mil {
namespace {

// ---- Of x and at most two numbers.

struct Settings {
  double alpha = 0, beta = 0;
};

Settings settings(const OpCall& c) {
  return {c.has("alpha") ? c.number("alpha") : 0, c.has("beta") ? c.number("beta") : 0};
}

struct Activation {
  std::string_view name, formula;
  std::vector<std::string_view> numbers;  // the settings that it has
  double (*f)(double x, const Settings& s);
  Value (*composed)(Value x, const Settings& s) = nullptr;
  Value (*dx)(GradientUse& use, const Settings& s) = nullptr;
};

// From ios17 alpha and beta may be of the other float type.
char letter_of_settings(int since) { return since < 17 ? 'T' : 'U'; }

OpDef activation(const Activation& a, int since = kOldestOpset) {
  OpDef op{.name = a.name,
           .params = {Param::operand("x", kFloats, 'T')},
           .infer = {},
           .evaluate = {},
           .since = since,
           .formula = a.formula};
  for (std::string_view number : a.numbers) {
    op.params.push_back(Param::one_number(number, kFloats));
    op.params.back().letter = letter_of_settings(since);
  }
  op.infer = same_as_x;
  op.evaluate = [f = a.f](const OpCall& c, std::span<Array> results) {
    const Settings s = settings(c);
    std::ranges::transform(c.array("x").data, results[0].data.begin(), [&](double x) { return f(x, s); });
  };
  if (a.composed != nullptr) {
    op.compose = [f = a.composed](OpUse& use) -> std::vector<Value> { return {f(use["x"], settings(use.call))}; };
  }
  if (a.dx != nullptr) {
    op.gradient = [f = a.dx](GradientUse& use) { use.add("x", f(use, settings(use.call))); };
  }
  return op;
}

double logistic(double x) { return 1 / (1 + std::exp(-x)); }

double soft_plus(double x) { return std::log1p(std::exp(-std::fabs(x))) + larger(x, 0); }

// ln(1 + u) + max(x, 0) with u = e^−|x|. By ln(1 + u) = 2·artanh(u / (2 + u)) small u are not lost beside the 1.
Value composed_softplus(Value x, const Settings&) {
  const Value u = exp(-abs(x));
  return 2.0 * atanh(u / (2.0 + u)) + maximum(x, 0.0);
}

// α·(e^x − 1) at x ≤ 0. By e^x − 1 = 2t / (1 − t), t = tanh(x/2), small x are not lost beside the 1.
Value composed_elu(Value x, const Settings& s) {
  const Value t = tanh(minimum(x, 0.0) * 0.5);
  return select(greater(x, 0.0), x, t / (1.0 - t) * (2 * s.alpha));
}

Value elu_dx(GradientUse& use, const Settings& s) {
  const Value x = use["x"], d = use.d();
  return select(greater(x, 0.0), d, d * exp(minimum(x, 0.0)) * s.alpha);
}

double leaky(double x, const Settings& s) { return x > 0 ? x : s.alpha * x; }
Value composed_leaky(Value x, const Settings& s) { return select(greater(x, 0.0), x, x * s.alpha); }

double hard_sigmoid(double x, const Settings& s) { return smaller(larger(s.alpha * x + s.beta, 0), 1); }

std::vector<OpDef> plain_activations() {
  return {
      activation({"relu",
                  "max(x, 0)",
                  {},
                  [](double x, const Settings&) { return larger(x, 0); },
                  nullptr,
                  [](GradientUse& use, const Settings&) { return select(greater(use["x"], 0.0), use.d(), 0.0); }}),
      activation({"relu6",
                  "min(max(x, 0), 6)",
                  {},
                  [](double x, const Settings&) { return smaller(larger(x, 0), 6); },
                  [](Value x, const Settings&) { return clip(x, 0, 6); },
                  [](GradientUse& use, const Settings&) {
                    return select(logical_and(greater(use["x"], 0.0), less(use["x"], 6.0)), use.d(), 0.0);
                  }}),
      activation({"sigmoid",
                  "1 / (1 + e^−x)",
                  {},
                  [](double x, const Settings&) { return logistic(x); },
                  nullptr,
                  [](GradientUse& use, const Settings&) { return use.d() * use.result() * (1.0 - use.result()); }}),
      activation({"silu",
                  "x / (1 + e^−x)",
                  {},
                  [](double x, const Settings&) { return x * logistic(x); },
                  [](Value x, const Settings&) { return x * sigmoid(x); }}),
      activation({"softplus",
                  "ln(1 + e^x)",
                  {},
                  [](double x, const Settings&) { return soft_plus(x); },
                  composed_softplus,
                  [](GradientUse& use, const Settings&) { return use.d() * sigmoid(use["x"]); }}),
      activation({"softsign",
                  "x / (1 + |x|)",
                  {},
                  [](double x, const Settings&) { return x / (1 + std::fabs(x)); },
                  [](Value x, const Settings&) { return x / (1.0 + abs(x)); },
                  [](GradientUse& use, const Settings&) {
                    const Value scale = 1.0 + abs(use["x"]);
                    return use.d() / scale / scale;
                  }}),
  };
}

std::vector<OpDef> activations_with_settings(int since) {
  const auto of_form = [since](const Activation& a) { return activation(a, since); };
  return {
      of_form({"leaky_relu", "x ≥ 0 ? x : alpha·x", {"alpha"}, leaky, composed_leaky}),
      of_form({"elu",
               "x > 0 ? x : alpha·(e^x − 1)",
               {"alpha"},
               [](double x, const Settings& s) { return x > 0 ? x : s.alpha * std::expm1(x); },
               composed_elu,
               elu_dx}),
      of_form({"clamped_relu",
               "min(beta, x ≥ 0 ? x : alpha·x)",
               {"alpha", "beta"},
               [](double x, const Settings& s) { return smaller(leaky(x, s), s.beta); },
               [](Value x, const Settings& s) { return minimum(composed_leaky(x, s), s.beta); }}),
      of_form({"linear_activation",
               "alpha·x + beta",
               {"alpha", "beta"},
               [](double x, const Settings& s) { return s.alpha * x + s.beta; },
               [](Value x, const Settings& s) { return x * s.alpha + s.beta; }}),
      of_form({"scaled_tanh",
               "alpha·tanh(beta·x)",
               {"alpha", "beta"},
               [](double x, const Settings& s) { return s.alpha * std::tanh(s.beta * x); },
               [](Value x, const Settings& s) { return tanh(x * s.beta) * s.alpha; }}),
      of_form({"sigmoid_hard",
               "min(max(alpha·x + beta, 0), 1)",
               {"alpha", "beta"},
               hard_sigmoid,
               [](Value x, const Settings& s) { return clip(x * s.alpha + s.beta, 0, 1); }}),
      of_form({"thresholded_relu",
               "x ≥ alpha ? x : 0",
               {"alpha"},
               [](double x, const Settings& s) { return x < s.alpha ? 0 : x; },
               [](Value x, const Settings& s) { return select(less(x, s.alpha), 0.0, x); }}),
  };
}

// ---- gelu, exact or by one of two approximations.

struct GeluMode {
  std::string_view name;
  double (*f)(double);
  Value (*composed)(Value);
};

const double kTanhScale = std::sqrt(2 / std::numbers::pi);
constexpr double kTanhCubic = 0.044715, kSigmoidScale = 1.702;

// Beyond ±10 the tanh is ±1 to the last bit of a double; x³ would leave fp16.
Value tanh_gelu(Value x) {
  const Value c = clip(x, -10, 10);
  return 0.5 * x * (1.0 + tanh(kTanhScale * (c + kTanhCubic * (c * c * c))));
}

// EXACT composed: where 1 + erf cancels, below −3, the error is that of erf, 2^−25·|x| in fp32. Little beside the
// largest results, but of the small ones there it leaves few digits, and from −5.6 on none.
const GeluMode kGeluModes[] = {
    {"EXACT", [](double x) { return x * std::erfc(-x * std::numbers::sqrt2 / 2) / 2; },
     [](Value x) { return 0.5 * x * (1.0 + erf(x * (std::numbers::sqrt2 / 2))); }},
    {"TANH_APPROXIMATION", [](double x) { return x * (1 + std::tanh(kTanhScale * (x + kTanhCubic * x * x * x))) / 2; },
     tanh_gelu},
    {"SIGMOID_APPROXIMATION", [](double x) { return x * logistic(kSigmoidScale * x); },
     [](Value x) { return x * sigmoid(kSigmoidScale * x); }},
};

const GeluMode* gelu_mode(const OpCall& c) {
  const auto* mode = std::ranges::find(kGeluModes, c.text("mode"), &GeluMode::name);
  return mode == std::end(kGeluModes) ? nullptr : mode;
}

OpDef gelu_op() {
  return {.name = "gelu",
          .params = {Param::operand("x", kFloats), Param::setting("mode", kString, Tensor::text("EXACT"))},
          .infer = [](const OpCall& c) -> Result<std::vector<TensorType>> {
            if (gelu_mode(c) != nullptr) return same_as_x(c);
            return fail("gelu: mode is \"{}\", expected EXACT, TANH_APPROXIMATION or SIGMOID_APPROXIMATION",
                        c.text("mode"));
          },
          .evaluate =
              [](const OpCall& c, std::span<Array> results) {
                std::ranges::transform(c.array("x").data, results[0].data.begin(), gelu_mode(c)->f);
              },
          .compose = [](OpUse& use) -> std::vector<Value> { return {gelu_mode(use.call)->composed(use["x"])}; },
          .formula = "½·x·(1 + erf(x/√2)), or with tanh(√(2/π)·(x + 0.044715·x³)) for erf, or x·sigmoid(1.702·x)"};
}

// ---- A parameter a channel: x [n, C, ..], alpha [C].

int64_t channel(const Shape& shape, int64_t i) { return i / (packed_strides(shape)[1]) % shape[1]; }

// alpha [C] as [C, 1, ..], to broadcast with x, in its element type.
Value by_channel(const OpUse& use, std::string_view name) {
  const Value x = use["x"];
  Shape shape(x.shape().size() - 1, 1);
  shape[0] = x.dim(1);
  return cast(reshape(use[name], shape), x.dtype());
}

Result<> check_channels(std::string_view op, const OpCall& c, std::string_view name) {
  const Shape expected{c.shape("x")[1]};
  if (c.shape(name) == expected) return {};
  return fail("{}: {} is {}, expected {}", op, name, to_string(c.shape(name)), to_string(expected));
}

bool all_equal(const Tensor& tensor) {
  const std::vector<double> numbers = tensor.numbers();
  return std::ranges::adjacent_find(numbers, std::ranges::not_equal_to()) == numbers.end();
}

Result<std::vector<TensorType>> infer_prelu(const OpCall& c) {
  const int64_t rank = c.rank("x");
  if (rank < 3 || rank > 5) return fail("prelu: x has rank {}, expected 3 to 5", rank);
  TRY(check_channels("prelu", c, "alpha"));
  const Tensor* alpha = c.operands("alpha")[0].constant;
  if (rank != 4 && alpha != nullptr && !all_equal(*alpha)) {
    return fail("prelu: the numbers of alpha differ, which x of rank {} does not allow", rank);
  }
  return same_as_x(c);
}

OpDef prelu_op(int since) {
  return {.name = "prelu",
          .params = {Param::operand("x", kFloats, 'T'), Param::weight("alpha", kFloats, letter_of_settings(since))},
          .infer = infer_prelu,
          .evaluate =
              [](const OpCall& c, std::span<Array> results) {
                const Array& x = c.array("x");
                for (int64_t i = 0; i < x.type.count(); ++i) {
                  const double alpha = c.array("alpha").data[size_t(channel(x.type.shape, i))];
                  results[0].data[size_t(i)] = leaky(x.data[size_t(i)], {alpha});
                }
              },
          .compose = [](OpUse& use) -> std::vector<Value> {
            const Value x = use["x"];
            return {select(greater(x, 0.0), x, x * by_channel(use, "alpha"))};
          },
          .since = since,
          .formula = "x ≥ 0 ? x : alpha_c·x"};
}

Result<std::vector<TensorType>> infer_softplus_parametric(const OpCall& c) {
  if (c.rank("x") < 2) return fail("softplus_parametric: x has rank {}, expected channels at axis 1", c.rank("x"));
  TRY(check_channels("softplus_parametric", c, "alpha"));
  TRY(check_channels("softplus_parametric", c, "beta"));
  return same_as_x(c);
}

OpDef softplus_parametric_op(int since) {
  const char letter = letter_of_settings(since);
  return {.name = "softplus_parametric",
          .params = {Param::operand("x", kFloats, 'T'), Param::weight("alpha", kFloats, letter),
                     Param::weight("beta", kFloats, letter)},
          .infer = infer_softplus_parametric,
          .evaluate =
              [](const OpCall& c, std::span<Array> results) {
                const Array& x = c.array("x");
                for (int64_t i = 0; i < x.type.count(); ++i) {
                  const auto at = size_t(channel(x.type.shape, i));
                  results[0].data[size_t(i)] =
                      c.array("alpha").data[at] * soft_plus(c.array("beta").data[at] * x.data[size_t(i)]);
                }
              },
          .compose = [](OpUse& use) -> std::vector<Value> {
            return {by_channel(use, "alpha") * softplus(use["x"] * by_channel(use, "beta"))};
          },
          .since = since,
          .formula = "alpha_c·ln(1 + e^(beta_c·x))"};
}

// ---- softmax.

// e^(x - max) / Σ over one axis.
void evaluate_softmax(const OpCall& c, std::span<Array> results) {
  const Array& x = c.array("x");
  Array& out = results[0];
  const int64_t axis = *normalize_axis("softmax", c.integer("axis"), c.rank("x"));
  const int64_t length = x.type.shape[size_t(axis)];
  const int64_t stride = packed_strides(x.type.shape)[size_t(axis)];
  for (int64_t start = 0; start < x.type.count(); ++start) {
    if (start / stride % length != 0) continue;
    double largest = -INFINITY;
    for (int64_t i = 0; i < length; ++i) largest = std::max(largest, x.data[size_t(start + i * stride)]);
    double total = 0;
    for (int64_t i = 0; i < length; ++i) {
      const auto at = size_t(start + i * stride);
      total += out.data[at] = std::exp(x.data[at] - largest);
    }
    for (int64_t i = 0; i < length; ++i) out.data[size_t(start + i * stride)] /= total;
  }
}

void softmax_backward(GradientUse& use) {
  const Value y = use.result(), d = use.d();
  use.add("x", y * (d - sum(d * y, use.call.integer("axis"))));
}

std::vector<Value> compose_softmax(OpUse& use) {
  const Value x = use["x"];
  const int64_t axis = use.call.integer("axis");
  const Value e = exp(x - max(x, axis));
  return {e / sum(e, axis)};
}

OpDef softmax_op() {
  return {.name = "softmax",
          .params = {Param::operand("x", kFloats), Param::setting("axis", kInt32, Tensor::integer(-1))},
          .infer = [](const OpCall& c) -> Result<std::vector<TensorType>> {
            TRY(normalize_axis("softmax", c.integer("axis"), c.rank("x")));
            return same_as_x(c);
          },
          .evaluate = evaluate_softmax,
          .gradient = softmax_backward,
          .compose = compose_softmax,
          .formula = "e^(x − max) / Σ e^(x − max) over axis"};
}

}  // namespace

std::vector<OpDef> activation_ops() {
  std::vector<OpDef> ops = plain_activations();
  for (int since : {15, 17}) {
    std::ranges::move(activations_with_settings(since), std::back_inserter(ops));
    ops.push_back(prelu_op(since));
    ops.push_back(softplus_parametric_op(since));
  }
  ops.push_back(gelu_op());
  ops.push_back(softmax_op());
  return ops;
}

}  // namespace anemone::mil
