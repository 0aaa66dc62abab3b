// Elementwise arithmetic with broadcasting, and elementwise functions (MIL: elementwise_binary, elementwise_unary).
#include <algorithm>
#include <cmath>

#include "mil/gradient.h"
#include "mil/ops/families.h"

namespace anemone::mil {
namespace {

// Calls visit(i, offset) for each element i of `out` in order, `offset` being that of the broadcast operand `in`.
template <class Visit>
void for_each_broadcast(const Shape& out, const Shape& in, const Visit& visit) {
  std::vector<int64_t> steps(out.size(), 0);
  const std::vector<int64_t> strides = packed_strides(in);
  for (size_t d = 0; d < in.size(); ++d) {
    if (in[d] != 1) steps[out.size() - in.size() + d] = strides[d];
  }
  std::vector<int64_t> index(out.size(), 0);
  int64_t offset = 0;
  for (int64_t i = 0, n = count(out); i < n; ++i) {
    visit(i, offset);
    for (size_t d = out.size(); d-- > 0;) {
      offset += steps[d];
      if (++index[d] < out[d]) break;
      offset -= steps[d] * out[d];
      index[d] = 0;
    }
  }
}

OpDef binary(std::string_view name, double (*f)(double, double), OpDef::Gradient gradient = nullptr) {
  return {name,
          {Param::operand("x", kNumbers, 'T'), Param::operand("y", kNumbers, 'T')},
          [name](const OpCall& c) -> Result<std::vector<TensorType>> {
            return {{{c.type("x").dtype, TRY(broadcast(name, c.type("x").shape, c.type("y").shape))}}};
          },
          [f](const OpCall& c, std::span<Array> results) {
            Array& out = results[0];
            const Array& x = c.array("x");
            const Array& y = c.array("y");
            for_each_broadcast(out.type.shape, x.type.shape,
                               [&](int64_t i, int64_t at) { out.data[size_t(i)] = x.data[size_t(at)]; });
            for_each_broadcast(out.type.shape, y.type.shape, [&](int64_t i, int64_t at) {
              out.data[size_t(i)] = f(out.data[size_t(i)], y.data[size_t(at)]);
            });
          },
          std::move(gradient)};
}

OpDef unary(std::string_view name, DTypes accepts, double (*f)(double)) {
  return {name, {Param::operand("x", accepts)}, same_as_x, [f](const OpCall& c, std::span<Array> results) {
            std::ranges::transform(c.array("x").data, results[0].data.begin(), f);
          }};
}

// f(x + epsilon); the default epsilon is coremltools'. In x's type: below fp16's range it becomes 0.
OpDef unary_epsilon(std::string_view name, double epsilon, double (*f)(double)) {
  return {name,
          {Param::operand("x", kFloats), Param::setting("epsilon", kFloats, Tensor::scalar(DType::fp32, epsilon))},
          same_as_x,
          [f](const OpCall& c, std::span<Array> results) {
            const double e = Tensor::scalar(c.type("x").dtype, c.number("epsilon")).number(0);
            std::ranges::transform(c.array("x").data, results[0].data.begin(), [&](double x) { return f(x + e); });
          }};
}

}  // namespace

std::vector<OpDef> elementwise_ops() {
  return {
      binary(
          "add", [](double x, double y) { return x + y; },
          [](GradientUse& use) {
            use.add("x", use.d());
            use.add("y", use.d());
          }),
      binary("sub", [](double x, double y) { return x - y; }),
      binary(
          "mul", [](double x, double y) { return x * y; },
          [](GradientUse& use) {
            use.add("x", use.d() * use["y"]);
            use.add("y", use.d() * use["x"]);
          }),
      binary("real_div", [](double x, double y) { return x / y; }),
      binary("pow", [](double x, double y) { return std::pow(x, y); }),
      binary("maximum", larger),
      binary("minimum", smaller),
      unary("abs", kNumbers, [](double x) { return std::fabs(x); }),
      unary("square", kNumbers, [](double x) { return x * x; }),
      unary("exp", kFloats, [](double x) { return std::exp(x); }),
      unary("sqrt", kFloats, [](double x) { return std::sqrt(x); }),
      unary("tanh", kFloats, [](double x) { return std::tanh(x); }),
      unary_epsilon("log", 1e-45, [](double x) { return std::log(x); }),
      unary_epsilon("rsqrt", 1e-12, [](double x) { return 1 / std::sqrt(x); }),
      unary_epsilon("inverse", 1e-4, [](double x) { return 1 / x; }),
  };
}

}  // namespace anemone::mil
