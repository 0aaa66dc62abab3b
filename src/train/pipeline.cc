#include "train/pipeline.h"

#include "base/check.h"
#include "train/options.h"

namespace anemone::train {

Pipeline::Pipeline(Device& device, const model::Config& config, const PipelineOptions& options)
    : queue_({options.precision, options.overlap.value_or(device.info().leaves_host_free)}, timers_),
      bench_{device,
             {config, options.batch, options.seq, program_dtype(options.precision)},
             options.source,
             options.offload,
             options.backward,
             timers_,
             queue_},
      x_(bench_.activations()),
      dx_(options.backward ? bench_.activations() : 0) {}

// A step that failed leaves products that write to the head's gradients.
Pipeline::~Pipeline() { queue_.wait(); }

Result<std::unique_ptr<Pipeline>> Pipeline::create(Device& device, const model::Config& config,
                                                   const PipelineOptions& options) {
  TRY(model::validate(config));
  auto pipeline = std::unique_ptr<Pipeline>(new Pipeline(device, config, options));
  pipeline->layers_.emplace(TRY(Layers::create(pipeline->bench_)));
  pipeline->head_.emplace(TRY(Head::create(pipeline->bench_, options.precision, options.vocabulary)));
  return pipeline;
}

Result<> Pipeline::stage(const model::Parameters& weights) {
  weights_ = &weights;
  find_places();
  TRY(layers_->stage(weights));
  return head_->stage(weights);
}

Result<> Pipeline::restage() {
  TRY(layers_->restage(*weights_));
  return head_->restage();
}

void Pipeline::find_places() {
  places_.assign(weights_->tensors().size(), std::nullopt);
  for (int64_t l = 0; l < bench_.geometry.config.layers; ++l) {
    const model::WeightLookup lookup = model::layer_weights(*weights_, l);
    for (const model::Weight weight : model::kLayerWeights) {
      const float* values = lookup(weight).data();
      for (size_t t = 0; t < places_.size(); ++t) {
        const bool same = weights_->tensor(weights_->tensors()[t]).data() == values;
        if (same && !lookup(weight).empty()) places_[t] = Place{l, weight};
      }
    }
  }
}

void Pipeline::on_updated(const model::Parameters& weights, size_t tensor, int64_t row, int64_t rows) {
  if (const auto& place = places_[tensor]) {
    const std::span<const float> values = weights.tensor(weights.tensors()[tensor]);
    if (is_norm(place->weight)) rows = std::ssize(values);
    return layers_->refresh({place->layer, place->weight, values, row, rows});
  }
  if (weights.tensor(weights.tensors()[tensor]).data() == weights.classifier().data()) head_->on_updated(row, rows);
}

Result<> Pipeline::forward(std::span<const int32_t> inputs) {
  CHECK(std::ssize(inputs) == bench_.geometry.tokens());
  {
    const auto scope = timers_.measure(Timer::elem);
    embed(inputs, weights_->embedding().data(), bench_.geometry.config.dim, x_.data());
  }
  for (int64_t l = 0; l < bench_.geometry.config.layers; ++l) TRY(layers_->forward(l, x_.span()));
  return {};
}

Result<double> Pipeline::loss(std::span<const int32_t> inputs, std::span<const int32_t> targets) {
  TRY(forward(inputs));
  return head_->loss(x_.span(), targets);
}

Result<double> Pipeline::step(std::span<const int32_t> inputs, std::span<const int32_t> targets, float scale, Into into,
                              model::Parameters& gradients) {
  TRY(forward(inputs));
  queue_.begin(into);
  const double loss = TRY(head_->backward(x_.span(), targets, scale, dx_.span(), gradients));
  for (int64_t l = bench_.geometry.config.layers; l-- > 0;) TRY(layers_->backward(l, dx_.span(), gradients));
  // The table's rows are added to by the classifier's product too, which may still be under way.
  queue_.wait();
  head_->collect(gradients);  // each step, so that the sums' order does not depend on where a run is saved
  const auto scope = timers_.measure(Timer::elem);
  if (into == Into::assign && !bench_.geometry.config.tied) clear(gradients.embedding());
  embed_backward(inputs, dx_.data(), bench_.geometry.config.dim, gradients.embedding().data());
  return loss;
}

void Pipeline::finish() { queue_.wait(); }

}  // namespace anemone::train
