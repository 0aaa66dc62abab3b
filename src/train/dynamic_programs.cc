#include "model/kernels.h"
#include "train/host_ops.h"
#include "train/layer_programs.h"
#include "train/norms.h"

namespace anemone::train {
namespace {

using model::KernelCall;
using model::Weight;
using Output = LayerKernel::Output;

class DynamicPrograms final : public LayerPrograms {
 public:
  explicit DynamicPrograms(Workbench& bench) : bench_(bench) {}

  Result<> create();
  Result<> stage(const LayerLookup& weights) override;
  void refresh(const ChangedRows& changed) override {
    for (Norm* norm : {&attention_norm_, &ffn_norm_}) norm->refresh(changed);
    for (LayerKernel* kernel : kernels_) kernel->refresh(changed);
  }
  Result<> restage(const LayerLookup& weights) override {
    for (Norm* norm : {&attention_norm_, &ffn_norm_}) TRY(norm->restage(bench_, weights));
    for (LayerKernel* kernel : kernels_) TRY(kernel->restage(bench_, weights));
    return {};
  }

  Result<FloatView> attention(int64_t l, FloatView x) override;
  Result<> ffn(int64_t l, FloatView x2, std::span<float> x_next) override;
  KernelCall& attention_taps(int64_t l) override { return sdpa_[l]; }
  Result<FloatView> ffn_backward(int64_t l, FloatView df, const model::LayerView& dw) override;
  Result<KernelCall*> values_backward(int64_t l, FloatView d_o) override;
  Result<FloatView> projections_backward(int64_t l, FloatView dq, FloatView dk, const KernelCall& values) override;

 private:
  std::span<float> normed(int64_t l) { return x2n_[bench_.backward ? static_cast<size_t>(l) : 0].span(); }

  Workbench& bench_;
  Norm attention_norm_, ffn_norm_;  // forward
  LayerKernel sdpa_, wo_, ffn_;     // forward
  LayerKernel ffn_w2_, ffn_w13_, wo_backward_, attention_backward_, q_backward_, kv_backward_;
  std::vector<LayerKernel*> kernels_;
  std::vector<Buffer<float>> x2n_;  // [D, T] a layer, for dW1 and dW3
  Buffer<float> xn_, dg_, dh1_, dh3_, dx_;
};

Result<> DynamicPrograms::create() {
  const model::Geometry& g = bench_.geometry;
  const int64_t layers = g.config.layers;
  const Output taps = bench_.backward ? Output::kept : Output::shared;
  const auto make = [&](LayerKernel& kernel, Result<model::Kernel> built, Output output) -> Result<> {
    kernel = TRY(LayerKernel::create(bench_, std::move(built), layers, output));
    kernels_.push_back(&kernel);
    return {};
  };
  attention_norm_ = TRY(Norm::create(bench_, Weight::attention_norm, layers, Norm::Passes::forward));
  ffn_norm_ = TRY(Norm::create(bench_, Weight::ffn_norm, layers, Norm::Passes::forward));
  xn_ = Buffer<float>(bench_.activations());
  for (int64_t l = 0; l < (bench_.backward ? layers : 1); ++l) x2n_.emplace_back(bench_.activations());
  TRY(make(sdpa_, model::sdpa_forward(g), taps));
  TRY(make(wo_, model::wo_forward(g), Output::shared));
  TRY(make(ffn_, model::ffn_fused(g), taps));
  if (!bench_.backward) return {};
  TRY(make(ffn_w2_, model::ffn_backward_w2(g), Output::shared));
  TRY(make(ffn_w13_, model::ffn_backward_w13(g), Output::shared));
  TRY(make(wo_backward_, model::wo_backward(g), Output::shared));
  TRY(make(attention_backward_, bench_.attention_backward(), Output::shared));
  TRY(make(q_backward_, model::q_backward(g), Output::shared));
  TRY(make(kv_backward_, model::kv_backward(g), Output::shared));
  const auto hidden = static_cast<size_t>(g.config.hidden * g.tokens());
  for (Buffer<float>* buffer : {&dg_, &dh1_, &dh3_}) *buffer = Buffer<float>(hidden);
  dx_ = Buffer<float>(bench_.activations());
  return {};
}

Result<> DynamicPrograms::stage(const LayerLookup& weights) {
  TRY(attention_norm_.stage(bench_, weights));
  TRY(ffn_norm_.stage(bench_, weights));
  for (LayerKernel* kernel : kernels_) TRY(kernel->stage(bench_, weights));
  return {};
}

Result<FloatView> DynamicPrograms::attention(int64_t l, FloatView x) {
  TRY(attention_norm_.forward(bench_, l, x, xn_.span()));
  bench_.write(sdpa_[l], "xn", xn_.span());
  TRY(bench_.run(sdpa_[l]));
  bench_.write(wo_[l], "a", bench_.view(sdpa_[l], "a", bench_.scratch_a));
  TRY(bench_.run(wo_[l]));
  return bench_.view(wo_[l], "o", bench_.scratch_a);
}

Result<> DynamicPrograms::ffn(int64_t l, FloatView x2, std::span<float> x_next) {
  TRY(ffn_norm_.forward(bench_, l, x2, normed(l)));
  bench_.write(ffn_[l], "x2n", normed(l));
  bench_.write(ffn_[l], "x2", x2);
  TRY(bench_.run(ffn_[l]));
  bench_.read(ffn_[l], "x_next", x_next);
  return {};
}

// dg = W2ᵀ·df on the device, the gate's backward on the host, dx = W1ᵀ·dh1 + W3ᵀ·dh3 on the device.
Result<FloatView> DynamicPrograms::ffn_backward(int64_t l, FloatView df, const model::LayerView& dw) {
  bench_.write(ffn_w2_[l], "df", df);
  TRY(bench_.run(ffn_w2_[l]));
  const FloatView dg = bench_.view(ffn_w2_[l], "dg", dg_);
  const FloatView h1 = bench_.view(ffn_[l], "h1", dh1_), h3 = bench_.view(ffn_[l], "h3", dh3_);
  {
    const auto scope = bench_.timers.measure(Timer::elem);
    silu_gate_backward(h1.data(), h3.data(), dg.data(), std::ssize(dg), dh1_.data(), dh3_.data());
  }
  bench_.write(ffn_w13_[l], "dh1", dh1_.span());
  bench_.write(ffn_w13_[l], "dh3", dh3_.span());
  TRY(bench_.run(ffn_w13_[l]));
  bench_.product(dw.w2, df, ffn_[l], "g");
  bench_.product(dw.w1, dh1_.span(), normed(l));
  bench_.product(dw.w3, dh3_.span(), normed(l));
  return bench_.view(ffn_w13_[l], "dx", bench_.scratch_a);
}

Result<KernelCall*> DynamicPrograms::values_backward(int64_t l, FloatView d_o) {
  bench_.write(wo_backward_[l], "dx2", d_o);
  TRY(bench_.run(wo_backward_[l]));
  KernelCall& call = attention_backward_[l];
  bench_.transfer(call, "q", sdpa_[l], "q", "v");
  bench_.transfer(call, "da", wo_backward_[l], "da", "da");
  TRY(bench_.run(call));
  return &call;
}

Result<FloatView> DynamicPrograms::projections_backward(int64_t l, FloatView dq, FloatView dk,
                                                        const KernelCall& values) {
  bench_.write(q_backward_[l], "dq", dq);
  TRY(bench_.run(q_backward_[l]));
  bench_.write(kv_backward_[l], "dk", dk);
  bench_.write(kv_backward_[l], "dv", bench_.view(values, "dv", bench_.scratch_a));
  TRY(bench_.run(kv_backward_[l]));
  const FloatView by_q = bench_.view(q_backward_[l], "dx", bench_.scratch_a);
  const FloatView by_kv = bench_.view(kv_backward_[l], "dx", bench_.scratch_b);
  const auto scope = bench_.timers.measure(Timer::elem);
  add_scaled(by_q.data(), 1, by_kv.data(), std::ssize(by_q), dx_.data());
  return dx_.span();
}

}  // namespace

Result<std::unique_ptr<LayerPrograms>> dynamic_programs(Workbench& bench) {
  auto programs = std::make_unique<DynamicPrograms>(bench);
  TRY(programs->create());
  return programs;
}

}  // namespace anemone::train
