#include "train/single_layer.h"

#include <gtest/gtest.h>

#include <cmath>

#include "base/random.h"
#include "model/initialize.h"
#include "train/optimizer.h"

namespace anemone::train {
namespace {

using model::Parameters;

model::Config scaled_down() {
  return {.name = "single",
          .layers = 1,
          .dim = 12,
          .hidden = 20,
          .heads = 3,
          .kv_heads = 3,
          .head_dim = 4,
          .vocab = 1,
          .seq = 10,
          .rope = model::Rope::none};
}

Parameters initial() {
  Parameters weights(scaled_down());
  model::initialize(weights, scaled_down(), 42, model::InitScheme::train_large);
  return weights;
}

// One device and the task on it.
struct Fit {
  Fit(const std::string& name, Precision precision, model::WeightSource source, Offload offload)
      : device(open_device(name, {.precision = precision}).value()) {
    const auto dtype = precision == Precision::fp32 ? mil::DType::fp32 : mil::DType::fp16;
    task = SingleLayer::create(*device, {scaled_down(), 1, 10, dtype}, source, offload, precision).value();
  }
  double loss(const Parameters& weights) const {
    EXPECT_TRUE(task->stage(weights));
    const double value = task->loss({}, {}).value();
    return value;
  }
  double step(const Parameters& weights, float scale, Parameters& gradients) const {
    EXPECT_TRUE(task->stage(weights));
    const double value = task->step({}, {}, scale, Into::assign, gradients).value();
    task->finish();
    return value;
  }

  std::unique_ptr<Device> device;
  std::unique_ptr<SingleLayer> task;
};

// With all weights zero the layer is the identity, so that the loss is that of input and target alone.
TEST(SingleLayer, FitsTheSeedsTargetToTheSeedsInput) {
  const Fit run("cpu", Precision::fp32, model::WeightSource::baked, Offload::core);
  Drand48 random(42);
  double expected = 0;
  for (int i = 0; i < 120; ++i) {
    expected += std::pow(0.1 * (2 * random.next() - 1) - 0.1 * std::sin(0.03 * i + 1), 2) / 120;
  }
  EXPECT_NEAR(run.loss(Parameters(scaled_down())), expected, 1e-8);
}

// In the direction of the gradient itself, tensor by tensor: loss(w ± h·g/|g|) differ by 2h·|g|.
TEST(SingleLayer, GradientsAgreeWithFiniteDifferences) {
  for (auto source : {model::WeightSource::baked, model::WeightSource::dynamic}) {
    for (Offload offload : {Offload::core, Offload::full}) {
      const Fit run("ref", Precision::fp32, source, offload);
      Parameters weights = initial(), gradients(scaled_down());
      constexpr float kScale = 8;
      run.step(weights, kScale, gradients);
      for (const model::TensorInfo& info : weights.tensors()) {
        const std::span<const float> g = gradients.tensor(info);
        const double norm = std::sqrt(squared_norm(g)) / kScale;
        const bool unused = info.name == "tok_embeddings.weight" || info.name == "norm.weight";
        EXPECT_EQ(norm == 0, unused) << info.name;
        if (unused) continue;
        const auto shifted = [&](double h) {
          Parameters moved = initial();
          const std::span<float> w = moved.tensor(info);
          for (size_t i = 0; i < w.size(); ++i) w[i] += static_cast<float>(h * g[i] / kScale / norm);
          return run.loss(moved);
        };
        constexpr double kStep = 1e-2;
        EXPECT_NEAR((shifted(kStep) - shifted(-kStep)) / (2 * kStep) / norm, 1, 5e-3) << info.name;
      }
    }
  }
}

TEST(SingleLayer, LossFallsInTwentyUpdates) {
  for (const Precision precision : {Precision::fp32, Precision::fp16}) {
    for (auto source : {model::WeightSource::baked, model::WeightSource::dynamic}) {
      const Fit run("cpu", precision, source, Offload::core);
      Parameters weights = initial(), gradients(scaled_down());
      Optimizer optimizer(scaled_down(), kSeedAdam);
      const double first = run.loss(weights);
      double before = first;
      for (int update = 0; update < 20; ++update) {
        before = run.step(weights, 1, gradients);
        optimizer.step(weights, gradients, {.rate = 1e-2f});
      }
      EXPECT_LT(before, 0.5 * first);
      EXPECT_LT(run.loss(weights), before);
    }
  }
}

}  // namespace
}  // namespace anemone::train
