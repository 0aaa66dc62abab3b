// Normalisation.
#include <algorithm>
#include <cmath>
#include <numeric>

#include "mil/gradient.h"
#include "mil/ops/families.h"

namespace anemone::mil {
namespace {

using Axes = std::vector<int64_t>;

Axes range(int64_t begin, int64_t end) {
  Axes axes(size_t(end - begin));
  std::iota(axes.begin(), axes.end(), begin);
  return axes;
}

Axes all_but(const Axes& axes, int64_t rank) {
  Axes others = range(0, rank);
  std::erase_if(others, [&](int64_t axis) { return std::ranges::count(axes, axis) > 0; });
  return others;
}

// The shape with 1 for each dimension not among `axes`.
Shape along(const Axes& axes, const Shape& shape) {
  Shape kept(shape.size(), 1);
  for (const int64_t axis : axes) kept[size_t(axis)] = shape[size_t(axis)];
  return kept;
}

Shape only(const Axes& axes, const Shape& shape) {
  Shape kept;
  for (const int64_t axis : axes) kept.push_back(shape[size_t(axis)]);
  return kept;
}

// ---- Types

Result<> check_rank(std::string_view op, const OpCall& c, int64_t least, int64_t most) {
  if (c.rank("x") >= least && c.rank("x") <= most) return {};
  return fail("{}: x {} needs rank {} to {}", op, to_string(c.shape("x")), least, most);
}

// Parameters that are there must have the shape of x over `axes`.
Result<std::vector<TensorType>> like_x(std::string_view op, const OpCall& c, const Axes& axes,
                                       std::initializer_list<std::string_view> params) {
  const Shape expected = only(axes, c.shape("x"));
  for (const std::string_view name : params) {
    if (c.has(name) && c.shape(name) != expected) {
      return fail("{}: {} is {}, expected {}", op, name, to_string(c.shape(name)), to_string(expected));
    }
  }
  return same_as_x(c);
}

Result<Axes> layer_axes(const OpCall& c) {
  const int64_t rank = c.rank("x");
  if (!c.has("axes")) return range(0, rank);
  Axes axes = c.integers("axes");
  for (int64_t& axis : axes) axis = TRY(normalize_axis("layer_norm", axis, rank));
  std::ranges::sort(axes);
  if (axes.empty() || std::ranges::adjacent_find(axes) != axes.end()) {
    return fail("layer_norm: axes must name some dimensions, each once");
  }
  return axes;
}

Axes last_three(const OpCall& c) { return range(c.rank("x") - 3, c.rank("x")); }

// ---- Evaluation

// For each element of a tensor the flat index of its coordinates on `axes`.
std::vector<size_t> places(const Shape& shape, const Axes& axes) {
  const std::vector<int64_t> strides = packed_strides(shape), kept = packed_strides(only(axes, shape));
  std::vector<size_t> places(size_t(count(shape)));
  for (size_t i = 0; i < places.size(); ++i) {
    for (size_t d = 0; d < axes.size(); ++d) {
      const auto axis = size_t(axes[d]);
      places[i] += size_t(int64_t(i) / strides[axis] % shape[axis] * kept[d]);
    }
  }
  return places;
}

// y = γ·y + β, where there are such, with one γ and β for each place on `axes`.
void scale_and_shift(const OpCall& c, const Axes& axes, Array& y) {
  const std::vector<size_t> at = places(y.type.shape, axes);
  for (size_t i = 0; i < at.size(); ++i) {
    if (c.has("gamma")) y.data[i] *= c.array("gamma").data[at[i]];
    if (c.has("beta")) y.data[i] += c.array("beta").data[at[i]];
  }
}

// The mean of x for each of the groups that `group` names.
std::vector<double> means(const std::vector<double>& x, const std::vector<size_t>& group, int64_t groups) {
  std::vector<double> means(static_cast<size_t>(groups));
  for (size_t i = 0; i < x.size(); ++i) means[group[i]] += x[i];
  const size_t members = x.size() / means.size();  // of each group, a whole number
  for (double& mean : means) mean /= static_cast<double>(members);
  return means;
}

// (x − mean) / √(mean of (x − mean)² + ε) over `axes`.
void standardize(const OpCall& c, const Axes& axes, Array& y) {
  const Shape& shape = y.type.shape;
  const Axes others = all_but(axes, c.rank("x"));
  const std::vector<size_t> group = places(shape, others);
  const int64_t groups = count(only(others, shape));
  y.data = c.array("x").data;
  if (y.data.empty()) return;
  const std::vector<double> mean = means(y.data, group, groups);
  std::vector<double> squares(y.data.size());
  for (size_t i = 0; i < squares.size(); ++i) {
    y.data[i] -= mean[group[i]];
    squares[i] = y.data[i] * y.data[i];
  }
  const std::vector<double> variance = means(squares, group, groups);
  for (size_t i = 0; i < squares.size(); ++i) y.data[i] /= std::sqrt(variance[group[i]] + c.number("epsilon"));
}

void evaluate_batch_norm(const OpCall& c, std::span<Array> results) {
  const std::vector<double>& x = c.array("x").data;
  const std::vector<size_t> channel = places(c.shape("x"), {1});
  for (size_t i = 0; i < x.size(); ++i) {
    const double variance = c.array("variance").data[channel[i]] + c.number("epsilon");
    results[0].data[i] = (x[i] - c.array("mean").data[channel[i]]) / std::sqrt(variance);
  }
  scale_and_shift(c, {1}, results[0]);
}

void evaluate_l2_norm(const OpCall& c, std::span<Array> results) {
  const std::vector<double>& x = c.array("x").data;
  const Axes others = all_but(last_three(c), c.rank("x"));
  const std::vector<size_t> group = places(c.shape("x"), others);
  std::vector<double> total(size_t(count(only(others, c.shape("x")))));
  for (size_t i = 0; i < x.size(); ++i) total[group[i]] += x[i] * x[i];
  for (size_t i = 0; i < x.size(); ++i) results[0].data[i] = x[i] / std::sqrt(total[group[i]] + c.number("epsilon"));
}

// `size` channels around each: as many on both sides, the odd one before, as PyTorch has it.
void evaluate_local_response_norm(const OpCall& c, std::span<Array> results) {
  const std::vector<double>& x = c.array("x").data;
  const int64_t channels = c.shape("x")[1], size = c.integer("size"), inner = packed_strides(c.shape("x"))[1];
  for (int64_t i = 0; i < int64_t(x.size()); ++i) {
    const int64_t channel = i / inner % channels;
    const int64_t first = std::max<int64_t>(0, channel - size / 2);
    const int64_t last = std::min(channels - 1, channel + (size - 1) / 2);
    double total = 0;
    for (int64_t other = first; other <= last; ++other) {
      const double value = x[size_t(i + (other - channel) * inner)];
      total += value * value;
    }
    const double base = c.number("k") + c.number("alpha") / double(size) * total;
    results[0].data[size_t(i)] = x[size_t(i)] / std::pow(base, c.number("beta"));
  }
}

// ---- Formulas

Value rsqrt(Value x, double epsilon) {
  return x.builder().apply("rsqrt", {{"x", x}, {"epsilon", Tensor::scalar(x.dtype(), epsilon)}});
}

// A parameter along `axes` of x, in x's element type.
Value spread(OpUse& use, std::string_view name, const Axes& axes) {
  return cast(reshape(use[name], along(axes, use.call.shape("x"))), use["x"].dtype());
}

Value scaled_and_shifted(OpUse& use, Value y, const Axes& axes) {
  if (use.has("gamma")) y = y * spread(use, "gamma", axes);
  if (use.has("beta")) y = y + spread(use, "beta", axes);
  return y;
}

Value standardized(OpUse& use, const Axes& axes) {
  const Value centred = use["x"] - mean(use["x"], axes);
  return centred * rsqrt(mean(centred * centred, axes), use.call.number("epsilon"));
}

std::vector<Value> compose_batch_norm(OpUse& use) {
  const Value factor = rsqrt(spread(use, "variance", {1}), use.call.number("epsilon"));
  return {scaled_and_shifted(use, (use["x"] - spread(use, "mean", {1})) * factor, {1})};
}

std::vector<Value> compose_instance_norm(OpUse& use) {
  return {scaled_and_shifted(use, standardized(use, range(2, use.call.rank("x"))), {1})};
}

std::vector<Value> compose_layer_norm(OpUse& use) {
  const Axes axes = *layer_axes(use.call);
  return {scaled_and_shifted(use, standardized(use, axes), axes)};
}

std::vector<Value> compose_l2_norm(OpUse& use) {
  const Value x = use["x"];
  return {x * rsqrt(sum(x * x, last_three(use.call)), use.call.number("epsilon"))};
}

// The mean of x² over the neighbours, zeros beyond the first and last channel, is an average pool along channels.
std::vector<Value> compose_local_response_norm(OpUse& use) {
  const OpCall& c = use.call;
  const Value x = use["x"];
  const Shape& shape = c.shape("x");
  const int64_t size = c.integer("size");
  const Value squares = use.b.apply("avg_pool", {{"x", reshape(x * x, {shape[0], 1, shape[1], -1})},
                                                 {"kernel_sizes", Tensor::ints({size, 1})},
                                                 {"pad_type", Tensor::text("custom")},
                                                 {"pad", Tensor::ints({size / 2, (size - 1) / 2, 0, 0})}});
  const Value base = reshape(squares, shape) * c.number("alpha") + c.number("k");
  return {x * pow(base, -c.number("beta"))};
}

// ---- Entries. From iOS 17 parameters may be of the other float type.

Param epsilon(double value) { return Param::setting("epsilon", kFloats, Tensor::scalar(DType::fp32, value)); }

OpDef batch_norm(char parameter, int since) {
  return {.name = "batch_norm",
          .params = {Param::operand("x", kFloats, 'T'), Param::weight("mean", kFloats, parameter),
                     Param::weight("variance", kFloats, parameter), Param::weight("gamma", kFloats, parameter).maybe(),
                     Param::weight("beta", kFloats, parameter).maybe(), epsilon(1e-5)},
          .infer = [](const OpCall& c) -> Result<std::vector<TensorType>> {
            TRY(check_rank("batch_norm", c, 3, 5));
            return like_x("batch_norm", c, {1}, {"mean", "variance", "gamma", "beta"});
          },
          .evaluate = evaluate_batch_norm,
          .compose = compose_batch_norm,
          .since = since,
          .formula = "γ · (x − mean) / √(variance + ε) + β for each channel"};
}

OpDef instance_norm(char parameter, int since) {
  return {.name = "instance_norm",
          .params = {Param::operand("x", kFloats, 'T'), Param::weight("gamma", kFloats, parameter).maybe(),
                     Param::weight("beta", kFloats, parameter).maybe(), epsilon(1e-5)},
          .infer = [](const OpCall& c) -> Result<std::vector<TensorType>> {
            TRY(check_rank("instance_norm", c, 3, 4));
            return like_x("instance_norm", c, {1}, {"gamma", "beta"});
          },
          .evaluate =
              [](const OpCall& c, std::span<Array> results) {
                standardize(c, range(2, c.rank("x")), results[0]);
                scale_and_shift(c, {1}, results[0]);
              },
          .compose = compose_instance_norm,
          .since = since,
          .formula = "γ · (x − mean) / √(variance + ε) + β, mean and variance over each channel of each image"};
}

OpDef layer_norm(char parameter, int since) {
  return {.name = "layer_norm",
          .params = {Param::operand("x", kFloats, 'T'), Param::setting("axes", kInt32).maybe(),
                     Param::weight("gamma", kFloats, parameter).maybe(),
                     Param::weight("beta", kFloats, parameter).maybe(), epsilon(1e-5)},
          .infer = [](const OpCall& c) -> Result<std::vector<TensorType>> {
            return like_x("layer_norm", c, TRY(layer_axes(c)), {"gamma", "beta"});
          },
          .evaluate =
              [](const OpCall& c, std::span<Array> results) {
                standardize(c, *layer_axes(c), results[0]);
                scale_and_shift(c, *layer_axes(c), results[0]);
              },
          .compose = compose_layer_norm,
          .since = since,
          .formula = "γ · (x − mean) / √(variance + ε) + β, mean and variance over axes"};
}

OpDef l2_norm() {
  return {.name = "l2_norm",
          .params = {Param::operand("x", kFloats), epsilon(1e-6)},
          .infer = [](const OpCall& c) -> Result<std::vector<TensorType>> {
            if (c.rank("x") < 3) return fail("l2_norm: x {} needs rank 3 or more", to_string(c.shape("x")));
            return same_as_x(c);
          },
          .evaluate = evaluate_l2_norm,
          .compose = compose_l2_norm,
          .formula = "x / √(Σ x² + ε) over the last three dimensions"};
}

OpDef local_response_norm() {
  const auto number = [](std::string_view name, double value) {
    return Param::setting(name, kFloats, Tensor::scalar(DType::fp32, value));
  };
  return {.name = "local_response_norm",
          .params = {Param::operand("x", kFloats), Param::one_number("size", kInt32), number("alpha", 1e-4),
                     number("beta", 0.75), number("k", 1)},
          .infer = [](const OpCall& c) -> Result<std::vector<TensorType>> {
            TRY(check_rank("local_response_norm", c, 3, 4));
            if (c.integer("size") < 1) return fail("local_response_norm: size {} is not positive", c.integer("size"));
            return same_as_x(c);
          },
          .evaluate = evaluate_local_response_norm,
          .compose = compose_local_response_norm,
          .formula = "x / (k + alpha / size · Σ x²)^beta over size channels around each"};
}

}  // namespace

std::vector<OpDef> norm_ops() {
  return {batch_norm('T', 15), batch_norm('U', 17), instance_norm('T', 15), instance_norm('U', 17), layer_norm('T', 15),
          layer_norm('U', 17), l2_norm(),           local_response_norm()};
}

}  // namespace anemone::mil
