// The seed's first program: one transformer layer is fitted by least squares to a fixed target.
//
// x[i] = 0.1·U(−1, 1) from drand48 after srand48(42), y[i] = 0.1·sin(0.03·i + 1), i = c·S + t; the loss is the mean
// square of f(x) − y over S·D elements.
#pragma once

#include <memory>

#include "train/layers.h"
#include "train/objective.h"

namespace anemone::train {

class SingleLayer final : public Objective {
 public:
  // `config` has one layer.
  static Result<std::unique_ptr<SingleLayer>> create(Device& device, const model::Geometry& geometry,
                                                     model::WeightSource source, Offload offload, Precision precision);

  Result<> stage(const model::Parameters& weights) override {
    weights_ = &weights;
    return restage();
  }
  Result<> restage() override { return layers_->stage(*weights_); }
  void on_updated(const model::Parameters&, size_t, int64_t, int64_t) override {}
  // Tokens play no part.
  Result<double> loss(std::span<const int32_t> inputs, std::span<const int32_t> targets) override;
  Result<double> step(std::span<const int32_t> inputs, std::span<const int32_t> targets, float scale, Into into,
                      model::Parameters& gradients) override;
  void finish() override { queue_.wait(); }
  Timers& timers() override { return timers_; }

 private:
  SingleLayer(Device& device, const model::Geometry& geometry, model::WeightSource source, Offload offload,
              Precision precision);

  Timers timers_;
  GradientQueue queue_;
  Workbench bench_;
  std::optional<Layers> layers_;
  const model::Parameters* weights_ = nullptr;
  Buffer<float> input_, target_, y_;  // [D, S]
};

}  // namespace anemone::train
