#include "model/expressions.h"

#include <cmath>

namespace anemone::model {
namespace {

// ρ = (Σx²/D + ε)^(−½)
Value inverse_rms(Value x, double eps, size_t axis) {
  const auto length = static_cast<double>(x.dim(axis));
  return pow(sum(x * x, static_cast<int64_t>(axis)) * (1 / length) + eps, -0.5);
}

Value split_heads(Value x, const Geometry& g) {
  return reshape(x, {1, x.dim(1) / g.config.head_dim, g.config.head_dim, g.tokens()});
}

Value join_heads(Value x) { return reshape(x, {1, x.dim(1) * x.dim(2), 1, x.dim(3)}); }

// (a, b) → (−b, a) on the pairs of the last axis.
Value rotate(Value x, Rope style) {
  const bool halves = style == Rope::half;
  const int64_t h = x.dim(3);
  Value pairs = halves ? x : reshape(x, {x.dim(0), x.dim(1), x.dim(2) * h / 2, 2});
  const int64_t half = pairs.dim(3) / 2;
  Value a = slice(pairs, 3, 0, half);
  Value b = slice(pairs, 3, half, half);
  Value turned = mil::concat({b * -1.0, a}, 3);
  return halves ? turned : reshape(turned, x.shape());
}

}  // namespace

Value rmsnorm(Value x, Value w, double eps, size_t axis) { return x * inverse_rms(x, eps, axis) * w; }

Value rmsnorm_backward(Value x, Value w, Value dy, double eps, size_t axis) {
  Value rho = inverse_rms(x, eps, axis);
  Value wdy = w * dy;
  const auto length = static_cast<double>(x.dim(axis));
  Value c = rho * rho * (sum(wdy * x, static_cast<int64_t>(axis)) * (1 / length));
  return (wdy - x * c) * rho;
}

Value head_norm(Value x, Value w, const Geometry& g) {
  return join_heads(rmsnorm(split_heads(x, g), w, g.config.norm_eps, 2));
}

Value head_norm_backward(Value x, Value w, Value dy, const Geometry& g) {
  return join_heads(rmsnorm_backward(split_heads(x, g), w, split_heads(dy, g), g.config.norm_eps, 2));
}

Value swiglu(Value h1, Value h3) { return h1 * sigmoid(h1) * h3; }

std::pair<Value, Value> swiglu_backward(Value h1, Value h3, Value dg) {
  Value s = sigmoid(h1);
  Value dh1 = dg * h3 * s * (1.0 + h1 * (1.0 - s));
  Value dh3 = dg * h1 * s;
  return {dh1, dh3};
}

// A single sequence keeps to the forms that the engine is known to take: leading dimension 1, permutation (0, 1, 3, 2).
Value heads(Value x, const Geometry& g) {
  const int64_t h = g.config.head_dim, count = x.dim(1) / h;
  if (g.batch == 1) return transpose(reshape(x, {1, count, h, g.seq}), {0, 1, 3, 2});
  return transpose(reshape(x, {count, h, g.batch, g.seq}), {2, 0, 3, 1});
}

Value flat(Value x, const Geometry& g) {
  Value channels = g.batch == 1 ? transpose(x, {0, 1, 3, 2}) : transpose(x, {1, 3, 0, 2});
  return reshape(channels, {1, x.dim(1) * x.dim(3), 1, g.tokens()});
}

Value rope(Value x, Value cos, Value sin, Rope style) { return x * cos + rotate(x, style) * sin; }

Value rope_backward(Value dy, Value cos, Value sin, Rope style) { return dy * cos - rotate(dy, style) * sin; }

Value repeat_heads(Value x, int64_t group) {
  if (group == 1) return x;
  Value rows = reshape(x, {x.dim(0), 1, x.dim(1), x.dim(2) * x.dim(3)});
  Value repeated = concat(std::vector<Value>(static_cast<size_t>(group), rows), 3);
  return reshape(repeated, {x.dim(0), x.dim(1) * group, x.dim(2), x.dim(3)});
}

Value sum_groups(Value dx, int64_t group) {
  if (group == 1) return dx;
  const int64_t kv_heads = dx.dim(1) / group;
  Value grouped = reshape(dx, {dx.dim(0), kv_heads, group, dx.dim(2) * dx.dim(3)});
  return reshape(sum(grouped, 2), {dx.dim(0), kv_heads, dx.dim(2), dx.dim(3)});
}

Value attention_weights(Value q, Value k, Value mask) {
  const double scale = 1 / std::sqrt(static_cast<double>(q.dim(3)));
  return softmax(matmul_nt(q, k) * scale + mask, -1);
}

Value softmax_backward(Value p, Value dp) { return p * (dp - sum(p * dp, -1)); }

Value scores_to_channels(Value p, const Geometry& g) {
  Value rows = g.batch == 1 ? p : transpose(p, {1, 2, 0, 3});
  return reshape(rows, {1, p.dim(1) * g.seq, 1, g.tokens()});
}

Value channels_to_scores(Value channels, const Geometry& g) {
  const int64_t heads = channels.dim(1) / g.seq;
  if (g.batch == 1) return reshape(channels, {1, heads, g.seq, g.seq});
  return transpose(reshape(channels, {heads, g.seq, g.batch, g.seq}), {2, 0, 1, 3});
}

}  // namespace anemone::model
