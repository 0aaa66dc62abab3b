// What the parts of a pipeline share, and a kernel standing ready for every layer.
#pragma once

#include <atomic>
#include <functional>
#include <vector>

#include "model/kernel_call.h"
#include "train/gradient_queue.h"
#include "train/metrics.h"

namespace anemone::train {

// How much of a step the device does.
enum class Offload {
  core,  // the matrix work of the layers; norms, classifier and loss on the host
  full,  // norms, classifier and softmax as well; weight gradients and the optimizer stay on the host
};

// The parts of a pipeline refer to one Workbench, which outlives them.
struct Workbench {
  Device& device;
  model::Geometry geometry;
  model::WeightSource source;
  Offload offload;
  bool backward;  // false: forward passes only, nothing is kept for a backward pass
  Timers& timers;
  GradientQueue& gradients;
  Buffer<float> scratch_a{}, scratch_b{};

  // The backward pass of attention, or its first half where the device takes two.
  Result<model::Kernel> attention_backward() const;
  bool whole_attention() const { return device.info().whole_attention; }

  size_t activations() const { return static_cast<size_t>(geometry.config.dim * geometry.tokens()); }  // D·T

  Result<> run(model::KernelCall& call);
  void write(model::KernelCall& call, std::string_view slot, std::span<const float> values);
  void read(const model::KernelCall& call, std::string_view slot, std::span<float> values);
  // Valid until the next view of the same scratch.
  std::span<const float> view(const model::KernelCall& call, std::string_view slot, Buffer<float>& scratch);
  void transfer(model::KernelCall& to, std::string_view slot, const model::KernelCall& from, std::string_view first,
                std::string_view last);
  // dW += dy·xᵀ, the operands given as host matrices or as slots of outputs.
  void product(std::span<float> dw, std::span<const float> dy, std::span<const float> x) {
    gradients.add(dw, dy, x, geometry.tokens());
  }
  void product(std::span<float> dw, std::span<const float> dy, const model::KernelCall& x, std::string_view x_slot);
  void product(std::span<float> dw, const model::KernelCall& dy, std::string_view dy_slot, const model::KernelCall& x,
               std::string_view x_slot);
};

// The weights of each layer.
using LayerLookup = std::function<model::WeightLookup(int64_t layer)>;

// Rows [row, row + rows) of a layer's weight, whose values are all of them.
struct ChangedRows {
  int64_t layer;
  model::Weight weight;
  std::span<const float> values;
  int64_t row, rows;
};

// One kernel for `count` layers: a program each where weights are baked, one for all where they are dynamic. Inputs are
// shared between layers but for dynamic weights, which stay in theirs; outputs are shared unless they are kept.
class LayerKernel {
 public:
  enum class Output { shared, kept };

  LayerKernel() = default;
  static Result<LayerKernel> create(Workbench& bench, Result<model::Kernel> kernel, int64_t count, Output output);

  // Brings the layers' weights to the device: by reloading or compiling (baked) or by writing them beside the
  // activations. Weights may change at any time, but nothing runs from then until they have been staged.
  Result<> stage(Workbench& bench, const LayerLookup& weights);

  // Takes in rows that have changed, if that needs no compiling; several threads may tell of distinct rows at once.
  void refresh(const ChangedRows& changed);
  // After an update of which refresh() was told: does what it could not.
  Result<> restage(Workbench& bench, const LayerLookup& weights);

  model::KernelCall& operator[](int64_t layer) { return calls_[static_cast<size_t>(layer)]; }

 private:
  std::unique_ptr<model::Kernel> kernel_;                                                  // the calls point to it
  std::unique_ptr<std::atomic<bool>> stale_ = std::make_unique<std::atomic<bool>>(false);  // what refresh() left
  std::vector<model::KernelCall> calls_;
};

}  // namespace anemone::train
