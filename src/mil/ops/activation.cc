// Activations.
#include <algorithm>
#include <cmath>

#include "mil/ops/families.h"

namespace anemone::mil {
namespace {

OpDef activation(std::string_view name, double (*f)(double)) {
  return {name,
          {Param::operand("x", kFloats)},
          [](const OpCall& c) -> Result<std::vector<TensorType>> { return {{c.type("x")}}; },
          [f](const OpCall& c, std::span<Array> results) {
            std::ranges::transform(c.array("x").data, results[0].data.begin(), f);
          }};
}

double logistic(double x) { return 1 / (1 + std::exp(-x)); }

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

OpDef softmax_op() {
  return {"softmax",
          {Param::operand("x", kFloats), Param::setting("axis", kInt32, Tensor::integer(-1))},
          [](const OpCall& c) -> Result<std::vector<TensorType>> {
            TRY(normalize_axis("softmax", c.integer("axis"), c.rank("x")));
            return {{c.type("x")}};
          },
          evaluate_softmax};
}

}  // namespace

std::vector<OpDef> activation_ops() {
  return {
      activation("relu", [](double x) { return std::max(x, 0.0); }),
      activation("sigmoid", logistic),
      activation("silu", [](double x) { return x * logistic(x); }),
      softmax_op(),
  };
}

}  // namespace anemone::mil
