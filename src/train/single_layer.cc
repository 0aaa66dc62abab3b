#include "train/single_layer.h"

#include <algorithm>
#include <cmath>

#include "base/random.h"

namespace anemone::train {

SingleLayer::SingleLayer(Device& device, const model::Geometry& geometry, model::WeightSource source, Offload offload,
                         Precision precision)
    : queue_({precision, device.info().leaves_host_free}, timers_),
      bench_{device, geometry, source, offload, /*backward=*/true, timers_, queue_},
      input_(bench_.activations()),
      target_(bench_.activations()),
      y_(bench_.activations()) {
  Drand48 random(42);
  for (float& x : input_) x = static_cast<float>(0.1 * (2 * random.next() - 1));
  for (size_t i = 0; i < target_.size(); ++i) {
    target_[i] = static_cast<float>(0.1 * std::sin(0.03 * static_cast<double>(i) + 1));
  }
}

Result<std::unique_ptr<SingleLayer>> SingleLayer::create(Device& device, const model::Geometry& geometry,
                                                         model::WeightSource source, Offload offload,
                                                         Precision precision) {
  auto task = std::unique_ptr<SingleLayer>(new SingleLayer(device, geometry, source, offload, precision));
  task->layers_.emplace(TRY(Layers::create(task->bench_)));
  return task;
}

Result<double> SingleLayer::loss(std::span<const int32_t>, std::span<const int32_t>) {
  std::ranges::copy(input_, y_.begin());
  TRY(layers_->forward(0, y_.span()));
  const auto scope = timers_.measure(Timer::elem);
  double total = 0;
  for (size_t i = 0; i < y_.size(); ++i) total += std::pow(double{y_[i]} - target_[i], 2);
  return total / static_cast<double>(y_.size());
}

// dy = 2·(y − target) / (S·D)
Result<double> SingleLayer::step(std::span<const int32_t> inputs, std::span<const int32_t> targets, float scale,
                                 Into into, model::Parameters& gradients) {
  queue_.begin(into);
  const double mean = TRY(loss(inputs, targets));
  {
    const auto scope = timers_.measure(Timer::elem);
    const float factor = 2 * scale / static_cast<float>(y_.size());
    for (size_t i = 0; i < y_.size(); ++i) y_[i] = factor * (y_[i] - target_[i]);
  }
  TRY(layers_->backward(0, y_.span(), gradients));
  return mean;
}

}  // namespace anemone::train
