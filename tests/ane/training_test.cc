// A small run on the double gives the losses of `ref`, which computes the same way.
#include <cmath>

#include "double_control.h"
#include "train/trainer_testing.h"

namespace anemone {
namespace {

using train::Offload;

struct Way {
  model::WeightSource source;
  Offload offload;
};

class AneTraining : public WithDouble, public testing::WithParamInterface<Way> {};

std::vector<double> losses(Device& device, const Way& way, const std::string& name) {
  train::TrainOptions options = train::small_options();
  options.source = way.source;
  options.offload = way.offload;
  options.precision = Precision::fp16;
  options.steps = 4;
  const text::TokenFile tokens = train::even_tokens();
  auto trainer = train::Trainer::create(device, {.config = train::small_config(),
                                                 .options = options,
                                                 .tokens = &tokens,
                                                 .checkpoint = train::fresh_folder() + name});
  EXPECT_TRUE(trainer) << trainer.error().message;
  if (!trainer) return {};
  (*trainer)->initialize();
  train::Recorder recorder;
  const auto summary = (*trainer)->run(recorder);
  EXPECT_TRUE(summary) << summary.error().message;
  std::vector<double> all;
  for (const train::StepReport& step : recorder.steps) all.push_back(step.loss);
  return all;
}

TEST_P(AneTraining, GivesTheLossesOfRef) {
  const auto ref = open_device("ref", {.precision = Precision::fp16}).value();
  const std::vector<double> expected = losses(*ref, GetParam(), "ref.safetensors");
  const std::vector<double> actual = losses(device(), GetParam(), "ane.safetensors");
  ASSERT_EQ(expected.size(), 4U);
  ASSERT_EQ(actual.size(), 4U);
  for (size_t i = 0; i < 4; ++i) EXPECT_NEAR(actual[i], expected[i], 2e-3) << "step " << i;
}

TEST_P(AneTraining, GoesOnInAWorker) {
  const std::vector<double> expected = losses(device(), GetParam(), "here.safetensors");
  setenv("ANEMONE_ANE_COMPILES", "1", 1);
  const std::vector<double> actual = losses(device(), GetParam(), "worker.safetensors");
  setenv("ANEMONE_ANE_COMPILES", "1000000", 1);
  EXPECT_EQ(actual, expected);
}

INSTANTIATE_TEST_SUITE_P(Ways, AneTraining,
                         testing::Values(Way{model::WeightSource::baked, Offload::core},
                                         Way{model::WeightSource::dynamic, Offload::full}),
                         [](const auto& info) {
                           return info.param.source == model::WeightSource::baked ? "baked" : "dynamic";
                         });

}  // namespace
}  // namespace anemone
