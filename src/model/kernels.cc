#include "model/kernels.h"

#include <cmath>

#include "model/expressions.h"
#include "model/rotary.h"

namespace anemone::model {
namespace {

using enum Weight;
using enum WeightSource;
using Activations = std::vector<KernelBuilder::Activation>;
using Outputs = std::vector<KernelBuilder::Output>;

constexpr WeightUse transposed(Weight weight) { return {weight, true}; }

// 0 where key ≤ query, else −65504, the least finite half: [1, 1, S, S].
Value causal_mask(KernelBuilder& k, int64_t seq) {
  std::vector<double> mask(static_cast<size_t>(seq * seq), 0.0);
  for (int64_t query = 0; query < seq; ++query) {
    for (int64_t key = query + 1; key < seq; ++key) mask[static_cast<size_t>(query * seq + key)] = -65504;
  }
  return k.table("mask", {1, 1, seq, seq}, std::move(mask));
}

// The rotation of heads by their positions, its tables constants [1, 1, S, h].
class Rotation {
 public:
  Rotation(KernelBuilder& k, const Geometry& g) : style_(g.config.rope) {
    if (style_ == Rope::none) return;
    RotaryTables tables = rotary_tables(g.config, g.seq);
    const mil::Shape shape{1, 1, g.seq, g.config.head_dim};
    cos_ = k.table("rope_cos", shape, std::move(tables.cos));
    sin_ = k.table("rope_sin", shape, std::move(tables.sin));
  }

  Value forward(Value x) const { return style_ == Rope::none ? x : rope(x, cos_, sin_, style_); }
  Value backward(Value dy) const { return style_ == Rope::none ? dy : rope_backward(dy, cos_, sin_, style_); }

 private:
  Rope style_;
  Value cos_, sin_;
};

// The attention of xn up to its projection: a = softmax(q·kᵀ/√h + mask)·v, with all that the backward pass reads.
struct Attention {
  Value a, q, k, v, q_raw, k_raw;  // flat
};

Attention attend(KernelBuilder& k, const Geometry& g, Value xn) {
  const Config& c = g.config;
  const Rotation rotation(k, g);
  Attention r;
  r.q_raw = k.linear(xn, {wq});
  r.k_raw = k.linear(xn, {wk});
  r.v = k.linear(xn, {wv});
  const auto per_head_norm = [&](Weight weight) { return reshape(k.norm(weight), {1, 1, c.head_dim, 1}); };
  Value qn = c.qk_norm ? head_norm(r.q_raw, per_head_norm(q_norm), g) : r.q_raw;
  Value kn = c.qk_norm ? head_norm(r.k_raw, per_head_norm(k_norm), g) : r.k_raw;
  Value q = rotation.forward(heads(qn, g));
  Value key = rotation.forward(heads(kn, g));
  Value p = attention_weights(q, repeat_heads(key, c.group()), causal_mask(k, g.seq));
  r.a = flat(matmul(p, repeat_heads(heads(r.v, g), c.group())), g);
  r.q = flat(q, g);
  r.k = flat(key, g);
  return r;
}

std::vector<WeightUse> attention_weights_of(const Config& c, std::vector<WeightUse> uses) {
  if (c.qk_norm) uses.insert(uses.end(), {{q_norm}, {k_norm}});
  return uses;
}

Outputs with_raw(Outputs outputs, const Attention& r, const Config& c) {
  if (c.qk_norm) outputs.insert(outputs.end(), {{"q_raw", r.q_raw}, {"k_raw", r.k_raw}});
  return outputs;
}

// From q, k, v and the gradient by o = Wo·a (baked) or by a (dynamic).
KernelBuilder attention_backward_builder(const char* name, const Geometry& g, WeightSource source) {
  const Config& c = g.config;
  Activations inputs{{"q", c.q_dim()}, {"k", c.kv_dim()}, {"v", c.kv_dim()}};
  inputs.push_back(source == baked ? KernelBuilder::Activation{"dx2", c.dim}
                                   : KernelBuilder::Activation{"da", c.q_dim()});
  return {name, g, source, inputs, source == baked ? std::vector{transposed(wo)} : std::vector<WeightUse>{}};
}

// Heads, keys and values repeated for each query head that reads them; dv is not.
struct ProbabilityGradients {
  Value q, k, p, dp, dv;
};
ProbabilityGradients probability_gradients(KernelBuilder& k, const Geometry& g, WeightSource source) {
  const int64_t group = g.config.group();
  ProbabilityGradients r;
  Value da = heads(source == baked ? k.linear(k["dx2"], transposed(wo)) : k["da"], g);
  r.q = heads(k["q"], g);
  r.k = repeat_heads(heads(k["k"], g), group);
  r.p = attention_weights(r.q, r.k, causal_mask(k, g.seq));
  r.dp = matmul_nt(da, repeat_heads(heads(k["v"], g), group));
  r.dv = sum_groups(matmul_tn(r.p, da), group);
  return r;
}

}  // namespace

Result<Kernel> attention_forward(const Geometry& g) {
  const Config& c = g.config;
  KernelBuilder k("fwdAttn", g, baked, {{"x", c.dim}},
                  attention_weights_of(c, {{attention_norm}, {wq}, {wk}, {wv}, {wo}}));
  Value xn = rmsnorm(k["x"], k.norm(attention_norm), c.norm_eps, 1);
  const Attention r = attend(k, g, xn);
  Value o = k.linear(r.a, {wo});
  return k.finish(with_raw({{"o", o}, {"q", r.q}, {"k", r.k}, {"v", r.v}, {"a", r.a}, {"xn", xn}}, r, c));
}

Result<Kernel> ffn_forward(const Geometry& g) {
  const Config& c = g.config;
  KernelBuilder k("fwdFFN", g, baked, {{"x2", c.dim}}, {{ffn_norm}, {w1}, {w3}, {w2}});
  Value x2n = rmsnorm(k["x2"], k.norm(ffn_norm), c.norm_eps, 1);
  Value h1 = k.linear(x2n, {w1});
  Value h3 = k.linear(x2n, {w3});
  Value gate = swiglu(h1, h3);
  Value f = k.linear(gate, {w2});
  return k.finish({{"f", f}, {"h1", h1}, {"h3", h3}, {"g", gate}, {"x2n", x2n}});
}

Result<Kernel> ffn_backward(const Geometry& g) {
  const Config& c = g.config;
  KernelBuilder k("ffnBwd", g, baked, {{"df", c.dim}, {"h1", c.hidden}, {"h3", c.hidden}},
                  {transposed(w2), transposed(w1), transposed(w3)});
  Value dg = k.linear(k["df"], transposed(w2));
  const auto [dh1, dh3] = swiglu_backward(k["h1"], k["h3"], dg);
  Value dx = k.linear(dh1, transposed(w1)) + k.linear(dh3, transposed(w3));
  return k.finish({{"dx", dx}, {"dh1", dh1}, {"dh3", dh3}});
}

Result<Kernel> qkv_backward(const Geometry& g) {
  const Config& c = g.config;
  KernelBuilder k("qkvBwd", g, baked, {{"dq", c.q_dim()}, {"dk", c.kv_dim()}, {"dv", c.kv_dim()}},
                  {transposed(wq), transposed(wk), transposed(wv)});
  Value dx = k.linear(k["dq"], transposed(wq)) + k.linear(k["dk"], transposed(wk)) + k.linear(k["dv"], transposed(wv));
  return k.finish({{"dx", dx}});
}

// a = P·v with P recomputed: dv = Σ_group Pᵀ·da, dP = da·vᵀ.
Result<Kernel> sdpa_backward1(const Geometry& g, WeightSource source) {
  KernelBuilder k = attention_backward_builder("sdpaBwd1", g, source);
  const ProbabilityGradients r = probability_gradients(k, g, source);
  return k.finish({{"dv", flat(r.dv, g)}, {"p", scores_to_channels(r.p, g)}, {"dp", scores_to_channels(r.dp, g)}});
}

// s = q·kᵀ/√h, P = softmax(s): dq = dS·k, dk = Σ_group dSᵀ·q, then back through the rotation.
Result<Kernel> sdpa_backward2(const Geometry& g, WeightSource source) {
  const Config& c = g.config;
  const int64_t scores = c.heads * g.seq;
  KernelBuilder k("sdpaBwd2", g, source, {{"p", scores}, {"dp", scores}, {"q", c.q_dim()}, {"k", c.kv_dim()}}, {});
  const Rotation rotation(k, g);
  const double scale = 1 / std::sqrt(static_cast<double>(c.head_dim));
  Value ds = softmax_backward(channels_to_scores(k["p"], g), channels_to_scores(k["dp"], g)) * scale;
  Value dq = matmul(ds, repeat_heads(heads(k["k"], g), c.group()));
  Value dk = sum_groups(matmul_tn(ds, heads(k["q"], g)), c.group());
  return k.finish({{"dq", flat(rotation.backward(dq), g)}, {"dk", flat(rotation.backward(dk), g)}});
}

Result<Kernel> sdpa_backward(const Geometry& g, WeightSource source) {
  const Config& c = g.config;
  KernelBuilder k = attention_backward_builder("sdpaBwd", g, source);
  const Rotation rotation(k, g);
  const ProbabilityGradients r = probability_gradients(k, g, source);
  Value ds = softmax_backward(r.p, r.dp) * (1 / std::sqrt(static_cast<double>(c.head_dim)));
  Value dq = matmul(ds, r.k), dk = sum_groups(matmul_tn(ds, r.q), c.group());
  return k.finish(
      {{"dq", flat(rotation.backward(dq), g)}, {"dk", flat(rotation.backward(dk), g)}, {"dv", flat(r.dv, g)}});
}

Result<Kernel> sdpa_forward(const Geometry& g) {
  const Config& c = g.config;
  KernelBuilder k("sdpaFwd", g, dynamic, {{"xn", c.dim}}, attention_weights_of(c, {{wq}, {wk}, {wv}}));
  const Attention r = attend(k, g, k["xn"]);
  return k.finish(with_raw({{"a", r.a}, {"q", r.q}, {"k", r.k}, {"v", r.v}, {"xn", k["xn"]}}, r, c));
}

Result<Kernel> wo_forward(const Geometry& g) {
  KernelBuilder k("woFwd", g, dynamic, {{"a", g.config.q_dim()}}, {{wo}});
  return k.finish({{"o", k.linear(k["a"], {wo})}});
}

Result<Kernel> ffn_fused(const Geometry& g) {
  const Config& c = g.config;
  KernelBuilder k("ffnFused", g, dynamic, {{"x2n", c.dim}, {"x2", c.dim}}, {{w1}, {w3}, {w2}});
  Value h1 = k.linear(k["x2n"], {w1});
  Value h3 = k.linear(k["x2n"], {w3});
  Value gate = swiglu(h1, h3);
  Value f = k.linear(gate, {w2});
  Value x_next = k["x2"] + (c.residual_scale == 1 ? f : f * c.residual_scale);
  return k.finish({{"x_next", x_next}, {"h1", h1}, {"h3", h3}, {"g", gate}});
}

Result<Kernel> ffn_backward_w2(const Geometry& g) {
  KernelBuilder k("ffnBwdW2t", g, dynamic, {{"df", g.config.dim}}, {transposed(w2)});
  return k.finish({{"dg", k.linear(k["df"], transposed(w2))}});
}

Result<Kernel> ffn_backward_w13(const Geometry& g) {
  const Config& c = g.config;
  KernelBuilder k("ffnBwdW13t", g, dynamic, {{"dh1", c.hidden}, {"dh3", c.hidden}}, {transposed(w1), transposed(w3)});
  return k.finish({{"dx", k.linear(k["dh1"], transposed(w1)) + k.linear(k["dh3"], transposed(w3))}});
}

Result<Kernel> wo_backward(const Geometry& g) {
  KernelBuilder k("wotBwd", g, dynamic, {{"dx2", g.config.dim}}, {transposed(wo)});
  return k.finish({{"da", k.linear(k["dx2"], transposed(wo))}});
}

Result<Kernel> q_backward(const Geometry& g) {
  KernelBuilder k("qBwd", g, dynamic, {{"dq", g.config.q_dim()}}, {transposed(wq)});
  return k.finish({{"dx", k.linear(k["dq"], transposed(wq))}});
}

Result<Kernel> kv_backward(const Geometry& g) {
  const Config& c = g.config;
  KernelBuilder k("kvBwd", g, dynamic, {{"dk", c.kv_dim()}, {"dv", c.kv_dim()}}, {transposed(wk), transposed(wv)});
  return k.finish({{"dx", k.linear(k["dk"], transposed(wk)) + k.linear(k["dv"], transposed(wv))}});
}

Result<Kernel> norm_forward(const Geometry& g, WeightSource source, Weight norm) {
  KernelBuilder k("rmsFwd", g, source, {{"x", g.config.dim}}, {{norm}});
  return k.finish({{"y", rmsnorm(k["x"], k.norm(norm), g.config.norm_eps, 1)}});
}

Result<Kernel> norm_backward(const Geometry& g, WeightSource source, Weight norm) {
  KernelBuilder k("rmsBwd", g, source, {{"dy", g.config.dim}, {"x", g.config.dim}}, {{norm}});
  return k.finish({{"dx", rmsnorm_backward(k["x"], k.norm(norm), k["dy"], g.config.norm_eps, 1)}});
}

Result<Kernel> head_norm_backward(const Geometry& g, WeightSource source, Weight norm) {
  const int64_t channels = norm == q_norm ? g.config.q_dim() : g.config.kv_dim();
  KernelBuilder k("headNormBwd", g, source, {{"dy", channels}, {"x", channels}}, {{norm}});
  Value w = reshape(k.norm(norm), {1, 1, g.config.head_dim, 1});
  return k.finish({{"dx", head_norm_backward(k["x"], w, k["dy"], g)}});
}

Result<Kernel> classifier(const Geometry& g, WeightSource source) {
  KernelBuilder k("classifier", g, source, {{"x", g.config.dim}}, {{Weight::classifier}});
  return k.finish({{"logits", k.linear(k["x"], {Weight::classifier})}});
}

Result<Kernel> vocabulary_softmax(const Geometry& g) {
  KernelBuilder k("softmax", g, baked, {{"logits", g.config.vocab}}, {});
  return k.finish({{"p", softmax(k["logits"], 1)}});
}

}  // namespace anemone::model
