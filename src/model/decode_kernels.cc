#include "model/decode_kernels.h"

#include <cmath>

#include "base/check.h"
#include "model/expressions.h"

namespace anemone::model {
namespace {

using enum Weight;
using Activations = std::vector<KernelBuilder::Activation>;

Activations operands(const Config& c, int64_t capacity) {
  Activations a{{"keys", c.kv_dim(), capacity}, {"values", c.kv_dim(), capacity}, {"mask", 1, capacity}, {"x", c.dim}};
  if (c.rope != Rope::none) a.insert(a.end(), {{"cos", c.head_dim}, {"sin", c.head_dim}});
  return a;
}

std::vector<WeightUse> weights_of(const Config& c) {
  std::vector<WeightUse> uses{{attention_norm}, {wq}, {wk}, {wv}, {wo}};
  if (c.qk_norm) uses.insert(uses.end(), {{q_norm}, {k_norm}});
  return uses;
}

// The heads of q or k, normed and turned to the token's position: [1, heads·h, 1, 1] → [1, heads, 1, h].
Value position_heads(const KernelBuilder& b, Value x, Weight norm, const Geometry& g) {
  const Config& c = g.config;
  const auto row = [&](Value column) { return reshape(column, {1, 1, 1, c.head_dim}); };
  Value rows = reshape(x, {1, x.dim(1) / c.head_dim, 1, c.head_dim});
  if (c.qk_norm) rows = rmsnorm(rows, row(b.norm(norm)), c.norm_eps, 3);
  return c.rope == Rope::none ? rows : rope(rows, row(b["cos"]), row(b["sin"]), c.rope);
}

// a = softmax(q·[keys, k]ᵀ/√h + [mask, 0])·[values, v], the products taken apart so that the cache is only read.
// q [1, G, group, h], k and v [1, G, 1, h]; keys and values [1, G, h, P], mask [1, 1, 1, P] → [1, G, group, h].
Value attend(Value q, Value k, Value v, Value keys, Value values, Value mask) {
  const double scale = 1 / std::sqrt(static_cast<double>(q.dim(3)));
  const int64_t past = mask.dim(3);
  Value p = mil::softmax(mil::concat({matmul(q, keys) * scale + mask, matmul_nt(q, k) * scale}, 3), -1);
  return matmul_nt(slice(p, 3, 0, past), values) + slice(p, 3, past, 1) * v;
}

}  // namespace

Result<Kernel> decode_attention(const Geometry& g, int64_t capacity) {
  CHECK(g.tokens() == 1 && capacity >= 1);
  const Config& c = g.config;
  const int64_t h = c.head_dim;
  KernelBuilder b("decodeAttn", g, WeightSource::baked, operands(c, capacity), weights_of(c));
  Value xn = rmsnorm(b["x"], b.norm(attention_norm), c.norm_eps, 1);
  Value q = position_heads(b, b.linear(xn, {wq}), q_norm, g);
  Value k = position_heads(b, b.linear(xn, {wk}), k_norm, g);
  Value v = b.linear(xn, {wv});
  const auto cached = [&](const char* slot) { return reshape(b[slot], {1, c.kv_heads, h, capacity}); };
  Value a = attend(reshape(q, {1, c.kv_heads, c.group(), h}), k, reshape(v, {1, c.kv_heads, 1, h}), cached("keys"),
                   cached("values"), b["mask"]);
  Value o = b.linear(reshape(a, {1, c.q_dim(), 1, 1}), {wo});
  return b.finish({{"o", o}, {"k", reshape(k, {1, c.kv_dim(), 1, 1})}, {"v", v}});
}

Result<Kernel> decode_head(const Geometry& g) {
  KernelBuilder b("decodeHead", g, WeightSource::baked, {{"x", g.config.dim}}, {{final_norm}, {classifier}});
  Value xn = rmsnorm(b["x"], b.norm(final_norm), g.config.norm_eps, 1);
  return b.finish({{"logits", b.linear(xn, {classifier})}});
}

}  // namespace anemone::model
