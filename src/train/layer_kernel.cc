#include "train/layer_kernel.h"

#include "model/kernels.h"

namespace anemone::train {

using model::KernelCall;
using model::WeightSource;

Result<model::Kernel> Workbench::attention_backward() const {
  return whole_attention() ? model::sdpa_backward(geometry, source) : model::sdpa_backward1(geometry, source);
}

Result<> Workbench::run(KernelCall& call) {
  const Stopwatch watch;
  const RunTime time = TRY(call.run());
  timers.add_program(call.kernel().name, watch.nanoseconds());
  if (time.device) timers.add_device(*time.device, time.modelled);
  return {};
}

void Workbench::write(KernelCall& call, std::string_view slot, std::span<const float> values) {
  const auto scope = timers.measure(Timer::io);
  call.write(slot, values);
}

void Workbench::read(const KernelCall& call, std::string_view slot, std::span<float> values) {
  const auto scope = timers.measure(Timer::io);
  call.read(slot, values);
}

std::span<const float> Workbench::view(const KernelCall& call, std::string_view slot, Buffer<float>& scratch) {
  const auto scope = timers.measure(Timer::io);
  return call.view(slot, scratch);
}

void Workbench::transfer(KernelCall& to, std::string_view slot, const KernelCall& from, std::string_view first,
                         std::string_view last) {
  const auto scope = timers.measure(Timer::io);
  to.transfer(slot, from, first, last);
}

void Workbench::product(std::span<float> dw, std::span<const float> dy, const KernelCall& x, std::string_view x_slot) {
  product(dw, dy, view(x, x_slot, scratch_b));
}

void Workbench::product(std::span<float> dw, const KernelCall& dy, std::string_view dy_slot, const KernelCall& x,
                        std::string_view x_slot) {
  product(dw, view(dy, dy_slot, scratch_a), x, x_slot);
}

Result<LayerKernel> LayerKernel::create(Workbench& bench, Result<model::Kernel> kernel, int64_t count, Output output) {
  LayerKernel layers;
  layers.kernel_ = std::make_unique<model::Kernel>(TRY(std::move(kernel)));
  const model::Kernel& k = *layers.kernel_;
  const bool baked = k.source == WeightSource::baked;
  std::shared_ptr<Program> program;
  if (!baked || k.weights.empty()) {
    const auto scope = bench.timers.measure(Timer::compile);
    program = TRY(model::compile(bench.device, k, {}));
  }
  const bool own_input = !baked && !k.weights.empty();
  KernelCall::SharedSurface shared_input, shared_output;
  for (int64_t l = 0; l < count; ++l) {
    KernelCall call = TRY(KernelCall::create(bench.device, k, program, shared_input, shared_output));
    if (!own_input) shared_input = call.input();
    if (output == Output::shared) shared_output = call.output();
    layers.calls_.push_back(std::move(call));
  }
  return layers;
}

void LayerKernel::refresh(const ChangedRows& c) {
  if (!calls_[static_cast<size_t>(c.layer)].refresh(c.weight, c.values, c.row, c.rows)) *stale_ = true;
}

Result<> LayerKernel::restage(Workbench& bench, const LayerLookup& weights) {
  if (stale_->exchange(false)) return stage(bench, weights);
  return {};
}

Result<> LayerKernel::stage(Workbench& bench, const LayerLookup& weights) {
  if (kernel_->weights.empty()) return {};
  const bool baked = kernel_->source == WeightSource::baked;
  const auto scope = bench.timers.measure(baked ? Timer::compile : Timer::stage);
  for (size_t l = 0; l < calls_.size(); ++l) {
    const model::WeightLookup lookup = weights(static_cast<int64_t>(l));
    if (baked) {
      if (TRY(calls_[l].reload(lookup))) continue;
      calls_[l].release();
      TRY(calls_[l].rebind(TRY(model::compile(bench.device, *kernel_, lookup))));
    } else {
      calls_[l].stage(lookup);
    }
  }
  return {};
}

}  // namespace anemone::train
