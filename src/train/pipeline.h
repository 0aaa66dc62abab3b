// A whole model, from token ids to the loss and back.
//
//   auto pipeline = TRY(Pipeline::create(*device, config, {.batch = 4, .seq = 256}));
//   TRY(pipeline->stage(weights));
//   double loss = TRY(pipeline->step(inputs, targets, loss_scale, Into::assign, gradients));
//   pipeline->finish();                                                          // all of them are in now
//   optimizer.step(weights, gradients, update, pipeline.get());                  // which it hears of
//   TRY(pipeline->restage());
//
// Ids are those of `batch` sequences of `seq` tokens, one after another, each below the vocabulary's size: the caller
// has checked them.
#pragma once

#include <memory>
#include <optional>

#include "train/head.h"
#include "train/layers.h"
#include "train/objective.h"

namespace anemone::train {

struct PipelineOptions {
  model::WeightSource source = model::WeightSource::baked;
  Offload offload = Offload::core;
  Precision precision = Precision::fp32;  // of the device; the host's products follow
  int64_t batch = 1;
  int64_t seq = 256;
  bool backward = true;                           // false: loss() only
  std::optional<bool> overlap{};                  // weight gradients beside the step; by default where that helps
  const CompactVocabulary* vocabulary = nullptr;  // outlives the pipeline
};

class Pipeline final : public Objective {
 public:
  static Result<std::unique_ptr<Pipeline>> create(Device& device, const model::Config& config,
                                                  const PipelineOptions& options);
  ~Pipeline() override;

  Result<> stage(const model::Parameters& weights) override;
  Result<> restage() override;
  void on_updated(const model::Parameters& weights, size_t tensor, int64_t row, int64_t rows) override;
  // The mean of −ln p(target) over all positions.
  Result<double> loss(std::span<const int32_t> inputs, std::span<const int32_t> targets) override;
  Result<double> step(std::span<const int32_t> inputs, std::span<const int32_t> targets, float scale, Into into,
                      model::Parameters& gradients) override;
  void finish() override;
  Timers& timers() override { return timers_; }

 private:
  Pipeline(Device& device, const model::Config& config, const PipelineOptions& options);
  Result<> forward(std::span<const int32_t> inputs);
  void find_places();
  // Where each tensor of the parameters is used in the layers.
  struct Place {
    int64_t layer;
    model::Weight weight;
  };

  Timers timers_;
  GradientQueue queue_;
  Workbench bench_;
  std::optional<Layers> layers_;
  std::optional<Head> head_;
  const model::Parameters* weights_ = nullptr;
  std::vector<std::optional<Place>> places_;  // by tensor
  Buffer<float> x_, dx_;                      // [D, T]
};

}  // namespace anemone::train
