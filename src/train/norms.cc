#include "train/norms.h"

#include <algorithm>

#include "model/kernels.h"

namespace anemone::train {
namespace {

using model::Weight;

bool per_head(Weight weight) { return weight == Weight::q_norm || weight == Weight::k_norm; }

Result<model::Kernel> backward_kernel(const Workbench& bench, Weight weight) {
  if (per_head(weight)) return model::head_norm_backward(bench.geometry, bench.source, weight);
  return model::norm_backward(bench.geometry, bench.source, weight);
}

}  // namespace

Result<Norm> Norm::create(Workbench& bench, Weight weight, int64_t count, Passes passes) {
  Norm norm;
  norm.weight_ = weight;
  norm.count_ = count;
  norm.length_ = model::shape_of(weight, bench.geometry.config).rows;
  norm.scratch_ = Buffer<float>(static_cast<size_t>(2 * bench.geometry.tokens()));
  if (bench.offload == Offload::core) return norm;
  const auto shared = LayerKernel::Output::shared;
  if (passes != Passes::backward) {
    norm.forward_ =
        TRY(LayerKernel::create(bench, model::norm_forward(bench.geometry, bench.source, weight), count, shared));
  }
  if (passes != Passes::forward && bench.backward) {
    norm.backward_ = TRY(LayerKernel::create(bench, backward_kernel(bench, weight), count, shared));
  }
  return norm;
}

Result<> Norm::stage(Workbench& bench, const LayerLookup& weights) {
  lookups_.clear();
  for (int64_t l = 0; l < count_; ++l) lookups_.push_back(weights(l));
  if (forward_) TRY(forward_->stage(bench, weights));
  if (backward_) TRY(backward_->stage(bench, weights));
  return {};
}

void Norm::refresh(const ChangedRows& changed) {
  if (changed.weight != weight_) return;
  if (forward_) forward_->refresh(changed);
  if (backward_) backward_->refresh(changed);
}

Result<> Norm::restage(Workbench& bench, const LayerLookup& weights) {
  if (forward_) TRY(forward_->restage(bench, weights));
  if (backward_) TRY(backward_->restage(bench, weights));
  return {};
}

Result<> Norm::forward(Workbench& bench, int64_t layer, std::span<const float> x, std::span<float> y) {
  if (forward_) {
    model::KernelCall& call = (*forward_)[layer];
    bench.write(call, "x", x);
    TRY(bench.run(call));
    bench.read(call, "y", y);
    return {};
  }
  const auto scope = bench.timers.measure(Timer::rms);
  const auto eps = static_cast<float>(bench.geometry.config.norm_eps);
  rmsnorm(x.data(), weight(layer), length_, bench.geometry.tokens(), eps, y.data());
  return {};
}

Result<> Norm::backward(Workbench& bench, int64_t layer, std::span<const float> x, std::span<const float> dy, Into into,
                        std::span<float> dx, std::span<float> dw) {
  const auto eps = static_cast<float>(bench.geometry.config.norm_eps);
  const int64_t tokens = bench.geometry.tokens();
  const auto block = static_cast<size_t>(length_ * tokens);  // a head, or all of x
  {
    const auto scope = bench.timers.measure(Timer::rms);
    if (bench.gradients.into() == Into::assign) std::ranges::fill(dw, 0.0f);
    for (size_t at = 0; at < x.size(); at += block) {
      const float *x_at = x.data() + at, *dy_at = dy.data() + at;
      if (backward_) {
        rmsnorm_weight_gradient(x_at, dy_at, length_, tokens, eps, dw.data(), scratch_.data());
      } else {
        rmsnorm_backward(x_at, weight(layer), dy_at, length_, tokens, eps, into, dx.data() + at, dw.data(),
                         scratch_.data());
      }
    }
  }
  if (backward_) return backward_on_device(bench, (*backward_)[layer], x, dy, into, dx);
  return {};
}

Result<> Norm::backward_on_device(Workbench& bench, model::KernelCall& call, std::span<const float> x,
                                  std::span<const float> dy, Into into, std::span<float> dx) {
  bench.write(call, "x", x);
  bench.write(call, "dy", dy);
  TRY(bench.run(call));
  if (into == Into::assign) {
    bench.read(call, "dx", dx);
    return {};
  }
  const std::span<const float> through = bench.view(call, "dx", bench.scratch_a);
  const auto scope = bench.timers.measure(Timer::elem);
  add_scaled(dx.data(), 1, through.data(), static_cast<int64_t>(dx.size()), dx.data());
  return {};
}

}  // namespace anemone::train
