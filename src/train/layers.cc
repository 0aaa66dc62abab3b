#include "train/layers.h"

#include "base/matrix.h"
#include "model/kernels.h"

namespace anemone::train {

using model::KernelCall;
using model::Weight;

Result<Layers> Layers::create(Workbench& bench) {
  Layers layers(bench);
  const bool baked = bench.source == model::WeightSource::baked;
  layers.programs_ = TRY(baked ? baked_programs(bench) : dynamic_programs(bench));
  const int64_t kept = bench.backward ? bench.geometry.config.layers : 1;
  for (int64_t l = 0; l < kept; ++l) {
    layers.x_.emplace_back(bench.activations());
    layers.x2_.emplace_back(bench.activations());
  }
  if (bench.backward) TRY(layers.create_backward());
  return layers;
}

Result<> Layers::create_backward() {
  const model::Config& c = bench_->geometry.config;
  const int64_t tokens = bench_->geometry.tokens();
  const auto backward = Norm::Passes::backward;
  if (!whole_attention_) {
    sdpa_backward2_ = TRY(LayerKernel::create(*bench_, model::sdpa_backward2(bench_->geometry, bench_->source),
                                              c.layers, LayerKernel::Output::shared));
  }
  attention_norm_ = TRY(Norm::create(*bench_, Weight::attention_norm, c.layers, backward));
  ffn_norm_ = TRY(Norm::create(*bench_, Weight::ffn_norm, c.layers, backward));
  if (c.qk_norm) {
    q_norm_ = TRY(Norm::create(*bench_, Weight::q_norm, c.layers, backward));
    k_norm_ = TRY(Norm::create(*bench_, Weight::k_norm, c.layers, backward));
  }
  scaled_ = Buffer<float>(bench_->activations());
  dq_ = Buffer<float>(static_cast<size_t>(c.q_dim() * tokens));
  dk_ = Buffer<float>(static_cast<size_t>(c.kv_dim() * tokens));
  return {};
}

Result<> Layers::stage(const model::Parameters& weights) {
  const LayerLookup lookup = [&weights](int64_t l) { return model::layer_weights(weights, l); };
  TRY(programs_->stage(lookup));
  if (!bench_->backward) return {};
  for (Norm* norm : norms()) TRY(norm->stage(*bench_, lookup));
  return {};
}

void Layers::refresh(const ChangedRows& changed) {
  programs_->refresh(changed);
  for (Norm* norm : norms()) norm->refresh(changed);
}

Result<> Layers::restage(const model::Parameters& weights) {
  const LayerLookup lookup = [&weights](int64_t l) { return model::layer_weights(weights, l); };
  TRY(programs_->restage(lookup));
  for (Norm* norm : norms()) TRY(norm->restage(*bench_, lookup));
  return {};
}

Result<> Layers::forward(int64_t l, std::span<float> x) {
  const size_t kept = bench_->backward ? static_cast<size_t>(l) : 0;
  copy_bytes(x.data(), x.size_bytes(), x_[kept].data());
  const FloatView o = TRY(programs_->attention(l, x));
  {
    const auto scope = bench_->timers.measure(Timer::elem);
    const auto alpha = static_cast<float>(bench_->geometry.config.residual_scale);
    add_scaled(x.data(), alpha, o.data(), std::ssize(x), x2_[kept].data());
  }
  return programs_->ffn(l, x2_[kept].span(), x);
}

// α·gradient: what flows back into a branch of the residual.
FloatView Layers::scaled(FloatView gradient) {
  const auto alpha = static_cast<float>(bench_->geometry.config.residual_scale);
  if (alpha == 1) return gradient;
  const auto scope = bench_->timers.measure(Timer::elem);
  scale(gradient.data(), alpha, std::ssize(gradient), scaled_.data());
  return scaled_.span();
}

// y = x2 + α·ffn(norm(x2)), x2 = x + α·Wo·a(norm(x)); dx holds dy at first, then dx2, then dx.
Result<> Layers::backward(int64_t l, std::span<float> dx, model::Parameters& gradients) {
  const auto layer = static_cast<size_t>(l);
  const model::LayerView dw = gradients.layer(l);
  const FloatView dx2n = TRY(programs_->ffn_backward(l, scaled(dx), dw));
  TRY(ffn_norm_.backward(*bench_, l, x2_[layer].span(), dx2n, Into::add, dx, dw.ffn_norm));
  const FloatView dxn = TRY(attention_backward(l, scaled(dx), dw));
  return attention_norm_.backward(*bench_, l, x_[layer].span(), dxn, Into::add, dx, dw.attention_norm);
}

// The call that holds dq and dk.
Result<KernelCall*> Layers::score_gradients(int64_t l, KernelCall& taps, KernelCall& values) {
  if (whole_attention_) return &values;
  KernelCall& scores = sdpa_backward2_[l];
  bench_->transfer(scores, "p", values, "p", "dp");
  bench_->transfer(scores, "q", taps, "q", "k");
  TRY(bench_->run(scores));
  return &scores;
}

// From the gradient by o = Wo·a to that by xn.
Result<FloatView> Layers::attention_backward(int64_t l, FloatView d_o, const model::LayerView& dw) {
  KernelCall& taps = programs_->attention_taps(l);
  KernelCall& values = *TRY(programs_->values_backward(l, d_o));
  bench_->product(dw.wo, d_o, taps, "a");
  KernelCall& scores = *TRY(score_gradients(l, taps, values));
  FloatView dq = bench_->view(scores, "dq", dq_), dk = bench_->view(scores, "dk", dk_);
  if (bench_->geometry.config.qk_norm) {
    dq = TRY(through_head_norm(q_norm_, l, taps, "q_raw", dq, dq_.span(), dw.q_norm));
    dk = TRY(through_head_norm(k_norm_, l, taps, "k_raw", dk, dk_.span(), dw.k_norm));
  }
  bench_->product(dw.wq, dq, taps, "xn");
  bench_->product(dw.wk, dk, taps, "xn");
  bench_->product(dw.wv, values, "dv", taps, "xn");
  return programs_->projections_backward(l, dq, dk, values);
}

// From the gradient by a normed q or k, which may stand in `to`, to that by the raw one, in `to`.
Result<FloatView> Layers::through_head_norm(Norm& norm, int64_t l, const KernelCall& taps, std::string_view raw,
                                            FloatView gradient, std::span<float> to, std::span<float> dw) {
  const FloatView x = bench_->view(taps, raw, bench_->scratch_b);
  TRY(norm.backward(*bench_, l, x, gradient, Into::assign, to, dw));
  return to;
}

}  // namespace anemone::train
