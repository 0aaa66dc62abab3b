// A hundred steps of fine-tuning llama2.c's smallest model on a sample of TinyStories: the loss falls, and equally so
// whatever the source of the weights, the offload and the precision.
#include <gtest/gtest.h>

#include <filesystem>

#include "model/weights_file.h"
#include "text/prepare.h"
#include "train/evaluate.h"
#include "train/trainer.h"

namespace anemone::train {
namespace {

const std::string kData = ANEMONE_SOURCE_DIR "/../shared/data/";
constexpr int64_t kSteps = 100, kSeq = 128;

struct Case {
  model::WeightSource source = model::WeightSource::baked;
  Offload offload = Offload::core;
  Precision precision = Precision::fp32;
};

std::string name_of(const testing::TestParamInfo<Case>& info) {
  const Case& c = info.param;
  return std::string(c.source == model::WeightSource::baked ? "baked" : "dynamic") +
         (c.offload == Offload::core ? "_core_" : "_full_") + std::string(to_string(c.precision));
}

class FineTuning : public testing::TestWithParam<Case> {
 protected:
  void SetUp() override {
    if (!std::filesystem::exists(kData + "stories260K.bin")) GTEST_SKIP() << kData << " has no stories260K.bin";
    const auto tokenizer = text::Tokenizer::load(kData + "tok512.bin").value();
    tokens_.emplace(text::tokenize_file(kData + "tinystories_sample.txt", tokenizer).value());
    std::vector<int32_t> ids(kEvaluated);
    tokens_->copy(0, ids);
    first_.emplace(text::TokenFile::in_memory(ids, stories().config.vocab));
  }

  static model::Model stories() { return model::load_model(kData + "stories260K.bin").value(); }

  // Always the same arithmetic, whatever it was trained with.
  double evaluated(const model::Model& model) const {
    const auto device = open_device("cpu", {.precision = Precision::fp32}).value();
    return evaluate(*device, model, *first_, {.batch = 4, .seq = kSeq}).value().loss;
  }

  static TrainOptions options(const Case& c) {
    TrainOptions o;
    o.source = c.source;
    o.offload = c.offload;
    o.precision = c.precision;
    o.scaling = default_scaling(c.precision);
    o.seq = kSeq;
    o.steps = kSteps;
    o.schedule = {.peak = 1e-3, .warmup = 10};
    o.save_every = kSteps;
    return o;
  }

  model::Model tuned(const Case& c) const {
    const auto device = open_device("cpu", {.precision = c.precision}).value();
    const std::string path = testing::TempDir() + "anemone_finetune.safetensors";
    model::Model model = stories();
    auto trainer =
        Trainer::create(*device,
                        {.config = model.config, .options = options(c), .tokens = &*tokens_, .checkpoint = path})
            .value();
    trainer->start_from(std::move(model.weights));
    TrainingObserver unwatched;
    const Result<RunSummary> summary = trainer->run(unwatched);
    EXPECT_TRUE(summary) << (summary ? "" : summary.error().message);
    return model::load_model(path).value();
  }

  // The evaluation after tuning on the plainest path, which the others are held against.
  double baseline() const {
    static const double loss = evaluated(tuned({}));
    return loss;
  }

  static constexpr size_t kEvaluated = 8 * 1024 + 1;  // tokens; enough to tell a hundredth
  std::optional<text::TokenFile> tokens_, first_;
};

TEST_P(FineTuning, LowersTheLossAsEveryOtherPathDoes) {
  const double before = evaluated(stories()), after = evaluated(tuned(GetParam()));
  RecordProperty("before", std::to_string(before));
  RecordProperty("after", std::to_string(after));
  EXPECT_LT(after, before - 0.05);
  EXPECT_NEAR(after / baseline(), 1, 0.01);
}

std::vector<Case> cases() {
  std::vector<Case> all;
  for (auto source : {model::WeightSource::baked, model::WeightSource::dynamic}) {
    for (Offload offload : {Offload::core, Offload::full}) {
      for (Precision precision : {Precision::fp32, Precision::fp16}) all.push_back({source, offload, precision});
    }
  }
  return all;
}

INSTANTIATE_TEST_SUITE_P(Cpu, FineTuning, testing::ValuesIn(cases()), name_of);

}  // namespace
}  // namespace anemone::train
