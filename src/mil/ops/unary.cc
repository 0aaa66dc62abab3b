// Functions of one operand (MIL: elementwise_unary).
#include <algorithm>
#include <cmath>
#include <numbers>

#include "mil/gradient.h"
#include "mil/ops/elementwise.h"
#include "mil/ops/families.h"

namespace anemone::mil {
namespace {

// dx = dy · slope.
OpDef::Gradient sloping(Value (*slope)(GradientUse&)) {
  return [slope](GradientUse& use) { use.add("x", use.d() * slope(use)); };
}

// ---- Of x alone.

struct Unary {
  std::string_view name, formula;
  DTypes accepts;
  double (*f)(double);
  OpDef::Gradient gradient = nullptr;
  OpDef::Compose compose = nullptr;
  double (*of_integers)(double) = nullptr;  // where a double does not hold what int32 arithmetic gives
};

OpDef unary(const Unary& op) {
  return {.name = op.name,
          .params = {Param::operand("x", op.accepts)},
          .infer = same_as_x,
          .evaluate =
              [op](const OpCall& c, std::span<Array> results) {
                const bool exact = op.of_integers != nullptr && !is_float(c.type("x").dtype);
                std::ranges::transform(c.array("x").data, results[0].data.begin(), exact ? op.of_integers : op.f);
              },
          .gradient = op.gradient,
          .compose = op.compose,
          .formula = op.formula};
}

double signum(double x) { return x > 0 ? 1 : x < 0 ? -1 : x; }

std::vector<OpDef> roots_and_powers() {
  return {
      unary({.name = "abs",
             .formula = "|x|",
             .accepts = kNumbers,
             .f = [](double x) { return std::fabs(x); },
             .gradient = sloping([](GradientUse& use) { return sign(use["x"]); })}),
      unary({.name = "sign", .formula = "−1, 0 or 1", .accepts = kNumbers, .f = signum}),
      unary({.name = "square",
             .formula = "x²",
             .accepts = kNumbers,
             .f = [](double x) { return x * x; },
             .compose = [](OpUse& use) -> std::vector<Value> { return {use["x"] * use["x"]}; },
             .of_integers = [](double x) { return int32_product(x, x); }}),
      unary({.name = "sqrt",
             .formula = "√x",
             .accepts = kFloats,
             .f = [](double x) { return std::sqrt(x); },
             .gradient = sloping([](GradientUse& use) { return 0.5 / use.result(); })}),
      unary({.name = "exp",
             .formula = "e^x",
             .accepts = kFloats,
             .f = [](double x) { return std::exp(x); },
             .gradient = sloping([](GradientUse& use) { return use.result(); })}),
      unary({.name = "exp2",
             .formula = "2^x",
             .accepts = kNumbers,
             .f = [](double x) { return std::exp2(x); },
             .gradient = sloping([](GradientUse& use) { return use.result() * std::numbers::ln2; }),
             .of_integers = [](double x) { return int32_power(2, x); }}),
      unary({.name = "erf",
             .formula = "2/√π · ∫₀ˣ e^(−t²) dt",
             .accepts = kFloats,
             .f = [](double x) { return std::erf(x); },
             .gradient =
                 sloping([](GradientUse& use) { return exp(-square(use["x"])) * (2 * std::numbers::inv_sqrtpi); })}),
  };
}

std::vector<OpDef> roundings() {
  return {
      unary({"ceil", "⌈x⌉", kFloats, [](double x) { return std::ceil(x); }}),
      unary({"floor", "⌊x⌋", kFloats, [](double x) { return std::floor(x); }}),
      unary({"round", "the nearest whole number, of two the even", kFloats, [](double x) { return std::rint(x); }}),
  };
}

OpDef smooth(std::string_view name, std::string_view formula, double (*f)(double), Value (*slope)(GradientUse&)) {
  return unary({name, formula, kFloats, f, sloping(slope)});
}

std::vector<OpDef> trigonometry() {
  return {
      smooth(
          "sin", "sin x", [](double x) { return std::sin(x); }, [](GradientUse& use) { return cos(use["x"]); }),
      smooth(
          "cos", "cos x", [](double x) { return std::cos(x); }, [](GradientUse& use) { return -sin(use["x"]); }),
      smooth(
          "tan", "tan x", [](double x) { return std::tan(x); },
          [](GradientUse& use) { return 1.0 + square(use.result()); }),
      smooth(
          "asin", "arcsin x", [](double x) { return std::asin(x); },
          [](GradientUse& use) { return 1.0 / sqrt(1.0 - square(use["x"])); }),
      smooth(
          "acos", "arccos x", [](double x) { return std::acos(x); },
          [](GradientUse& use) { return -1.0 / sqrt(1.0 - square(use["x"])); }),
      smooth(
          "atan", "arctan x", [](double x) { return std::atan(x); },
          [](GradientUse& use) { return 1.0 / (1.0 + square(use["x"])); }),
      smooth(
          "sinh", "sinh x", [](double x) { return std::sinh(x); }, [](GradientUse& use) { return cosh(use["x"]); }),
      smooth(
          "cosh", "cosh x", [](double x) { return std::cosh(x); }, [](GradientUse& use) { return sinh(use["x"]); }),
      smooth(
          "tanh", "tanh x", [](double x) { return std::tanh(x); },
          [](GradientUse& use) { return 1.0 - square(use.result()); }),
      smooth(
          "atanh", "artanh x", [](double x) { return std::atanh(x); },
          [](GradientUse& use) { return 1.0 / (1.0 - square(use["x"])); }),
  };
}

// ---- Of x + epsilon. The defaults are coremltools'. In x's type: below fp16's range an epsilon becomes 0.

double epsilon(const OpCall& c) { return Tensor::scalar(c.type("x").dtype, c.number("epsilon")).number(0); }

struct Shifted {
  std::string_view name, formula;
  double default_epsilon;
  double (*f)(double);
  OpDef::Gradient gradient = nullptr;
  OpDef::Compose compose = nullptr;
};

OpDef shifted(const Shifted& op) {
  return {.name = op.name,
          .params = {Param::operand("x", kFloats),
                     Param::setting("epsilon", kFloats, Tensor::scalar(DType::fp32, op.default_epsilon))},
          .infer = same_as_x,
          .evaluate =
              [f = op.f](const OpCall& c, std::span<Array> results) {
                const double e = epsilon(c);
                std::ranges::transform(c.array("x").data, results[0].data.begin(), [&](double x) { return f(x + e); });
              },
          .gradient = op.gradient,
          .compose = op.compose,
          .formula = op.formula};
}

Value log_slope(GradientUse& use) { return 1.0 / (use["x"] + epsilon(use.call)); }

Value rsqrt_slope(GradientUse& use) {  // −½·y³
  const Value y = use.result();
  return y * y * y * -0.5;
}

std::vector<Value> compose_inverse(OpUse& use) { return {1.0 / (use["x"] + epsilon(use.call))}; }

std::vector<OpDef> shifted_ops() {
  return {
      shifted({"log", "ln(x + epsilon)", 1e-45, [](double x) { return std::log(x); }, sloping(log_slope)}),
      shifted({"rsqrt", "1 / √(x + epsilon)", 1e-12, [](double x) { return 1 / std::sqrt(x); }, sloping(rsqrt_slope)}),
      shifted({"inverse", "1 / (x + epsilon)", 1e-4, [](double x) { return 1 / x; }, nullptr, compose_inverse}),
  };
}

// ---- Limits. Their gradient is d where x stands unchanged, the limits themselves included, as in PyTorch's clamp.

void limit_backward(GradientUse& use) { use.add("x", select(equal(use["x"], use.result()), use.d(), 0.0)); }

// Up to ios16 a limit is of x's type, from ios17 of either float type.
Param limit(std::string_view name, DTypes accepts, int since) {
  Param param = Param::one_number(name, accepts);
  param.letter = since < 17 ? 'T' : 'U';
  return param;
}

// Up to ios16 alpha may be the larger.
OpDef clip_op(int since) {
  return {.name = "clip",
          .params = {Param::operand("x", kFloats, 'T'), limit("alpha", kFloats, since), limit("beta", kFloats, since)},
          .infer = [since](const OpCall& c) -> Result<std::vector<TensorType>> {
            const double low = c.number("alpha"), high = c.number("beta");
            if (since >= 17 && !(low < high)) return fail("clip: alpha {} is not below beta {}", low, high);
            return same_as_x(c);
          },
          .evaluate =
              [](const OpCall& c, std::span<Array> results) {
                const double low = c.number("alpha"), high = c.number("beta");
                std::ranges::transform(c.array("x").data, results[0].data.begin(),
                                       [&](double x) { return smaller(larger(x, low), high); });
              },
          .gradient = limit_backward,
          .compose = [](OpUse& use) -> std::vector<Value> {
            return {minimum(maximum(use["x"], use.call.number("alpha")), use.call.number("beta"))};
          },
          .since = since,
          .formula = "min(max(x, alpha), beta)"};
}

Result<std::vector<TensorType>> infer_threshold(const OpCall& c) {
  if (is_float(c.type("x").dtype) == is_float(c.type("alpha").dtype)) return same_as_x(c);
  return fail("threshold: alpha is {}, but x is {}", to_string(c.type("alpha")), to_string(c.type("x")));
}

OpDef threshold_op(int since) {
  return {.name = "threshold",
          .params = {Param::operand("x", kNumbers, 'T'), limit("alpha", kNumbers, since)},
          .infer = infer_threshold,
          .evaluate =
              [](const OpCall& c, std::span<Array> results) {
                const double alpha = c.number("alpha");
                std::ranges::transform(c.array("x").data, results[0].data.begin(),
                                       [&](double x) { return larger(x, alpha); });
              },
          .gradient = limit_backward,
          .compose = [](OpUse& use) -> std::vector<Value> { return {maximum(use["x"], use.call.number("alpha"))}; },
          .since = since,
          .formula = "max(x, alpha)"};
}

}  // namespace

std::vector<OpDef> unary_ops() {
  std::vector<OpDef> ops;
  for (auto* theme : {&roots_and_powers, &roundings, &trigonometry, &shifted_ops})
    std::ranges::move((*theme)(), std::back_inserter(ops));
  for (int since : {15, 17}) {
    ops.push_back(clip_op(since));
    ops.push_back(threshold_op(since));
  }
  return ops;
}

}  // namespace anemone::mil
