#include "model/kernels.h"
#include "train/host_ops.h"
#include "train/layer_programs.h"

namespace anemone::train {
namespace {

using model::KernelCall;
using Output = LayerKernel::Output;

class BakedPrograms final : public LayerPrograms {
 public:
  explicit BakedPrograms(Workbench& bench) : bench_(bench) {}

  Result<> create() {
    const model::Geometry& g = bench_.geometry;
    const int64_t layers = g.config.layers;
    const Output taps = bench_.backward ? Output::kept : Output::shared;
    attention_ = TRY(LayerKernel::create(bench_, model::attention_forward(g), layers, taps));
    ffn_ = TRY(LayerKernel::create(bench_, model::ffn_forward(g), layers, taps));
    kernels_ = {&attention_, &ffn_};
    if (!bench_.backward) return {};
    ffn_backward_ = TRY(LayerKernel::create(bench_, model::ffn_backward(g), layers, Output::shared));
    attention_backward_ = TRY(LayerKernel::create(bench_, bench_.attention_backward(), layers, Output::shared));
    qkv_backward_ = TRY(LayerKernel::create(bench_, model::qkv_backward(g), layers, Output::shared));
    kernels_.insert(kernels_.end(), {&ffn_backward_, &attention_backward_, &qkv_backward_});
    return {};
  }

  Result<> stage(const LayerLookup& weights) override {
    for (LayerKernel* kernel : kernels_) TRY(kernel->stage(bench_, weights));
    return {};
  }

  void refresh(const ChangedRows& changed) override {
    for (LayerKernel* kernel : kernels_) kernel->refresh(changed);
  }
  Result<> restage(const LayerLookup& weights) override {
    for (LayerKernel* kernel : kernels_) TRY(kernel->restage(bench_, weights));
    return {};
  }

  Result<FloatView> attention(int64_t l, FloatView x) override {
    KernelCall& call = attention_[l];
    bench_.write(call, "x", x);
    TRY(bench_.run(call));
    return bench_.view(call, "o", bench_.scratch_a);
  }

  Result<> ffn(int64_t l, FloatView x2, std::span<float> x_next) override {
    KernelCall& call = ffn_[l];
    bench_.write(call, "x2", x2);
    TRY(bench_.run(call));
    const FloatView f = bench_.view(call, "f", bench_.scratch_a);
    const auto scope = bench_.timers.measure(Timer::elem);
    const auto alpha = static_cast<float>(bench_.geometry.config.residual_scale);
    add_scaled(x2.data(), alpha, f.data(), std::ssize(x2), x_next.data());
    return {};
  }

  KernelCall& attention_taps(int64_t l) override { return attention_[l]; }

  Result<FloatView> ffn_backward(int64_t l, FloatView df, const model::LayerView& dw) override {
    KernelCall& taps = ffn_[l];
    KernelCall& call = ffn_backward_[l];
    bench_.write(call, "df", df);
    bench_.transfer(call, "h1", taps, "h1", "h3");
    TRY(bench_.run(call));
    bench_.product(dw.w2, df, taps, "g");
    bench_.product(dw.w1, call, "dh1", taps, "x2n");
    bench_.product(dw.w3, call, "dh3", taps, "x2n");
    return bench_.view(call, "dx", bench_.scratch_a);
  }

  Result<KernelCall*> values_backward(int64_t l, FloatView d_o) override {
    KernelCall& call = attention_backward_[l];
    bench_.transfer(call, "q", attention_[l], "q", "v");
    bench_.write(call, "dx2", d_o);
    TRY(bench_.run(call));
    return &call;
  }

  Result<FloatView> projections_backward(int64_t l, FloatView dq, FloatView dk, const KernelCall& values) override {
    KernelCall& call = qkv_backward_[l];
    bench_.write(call, "dq", dq);
    bench_.write(call, "dk", dk);
    bench_.transfer(call, "dv", values, "dv", "dv");
    TRY(bench_.run(call));
    return bench_.view(call, "dx", bench_.scratch_a);
  }

 private:
  Workbench& bench_;
  LayerKernel attention_, ffn_, ffn_backward_, attention_backward_, qkv_backward_;
  std::vector<LayerKernel*> kernels_;
};

}  // namespace

Result<std::unique_ptr<LayerPrograms>> baked_programs(Workbench& bench) {
  auto programs = std::make_unique<BakedPrograms>(bench);
  TRY(programs->create());
  return programs;
}

}  // namespace anemone::train
