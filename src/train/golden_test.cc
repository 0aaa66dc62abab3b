#include "train/golden.h"

#include <gmock/gmock.h>

#include <cmath>

#include "train/trainer_testing.h"

namespace anemone::train {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

TEST(GoldenTrace, IsWhole) {
  const GoldenTrace& core = published_trace(Offload::core);
  EXPECT_EQ(core.steps, 20);
  ASSERT_EQ(core.losses.size(), 20u);
  double sum = 0;
  for (size_t i = 0; i < 20; ++i) {
    EXPECT_EQ(core.losses[i].step, static_cast<int64_t>(i));
    EXPECT_NEAR(core.losses[i].loss, std::log(32000.0), 0.2) << "hardly better or worse than guessing";
    sum += core.losses[i].loss;
  }
  EXPECT_NEAR(sum, 206.957066, 1e-9) << "of the published column";
  const GoldenTrace& full = published_trace(Offload::full);
  EXPECT_EQ(full.steps, 11);
  for (const GoldenTrace::Loss& loss : full.losses) {
    EXPECT_NEAR(loss.loss, core.losses[static_cast<size_t>(loss.step)].loss, 1e-3) << loss.step;
  }
}

// In one process the windows of the published one, which started anew after ten steps.
TEST(GoldenTrace, DrawsThePublishedWindows) {
  const GoldenTrace& trace = published_trace(Offload::core);
  const TrainOptions& o = trace.preset.options;
  EXPECT_EQ(o.validation, 0) << "windows held out would move the others";
  Sampler sampler = Sampler::create({o.sampling, o.seed}, trace.tokens, o.seq).value();
  std::vector<int64_t> drawn;
  for (int i = 0; i < 13; ++i) drawn.push_back(sampler.next());
  EXPECT_THAT(std::vector(drawn.begin(), drawn.begin() + 3), ElementsAre(15380936, 7079775, 2294880));
  EXPECT_THAT(std::vector(drawn.begin() + 10, drawn.end()), ElementsAre(9349066, 8028106, 10237242));
}

TEST(GoldenTrace, RefusesOtherOptions) {
  const GoldenTrace& trace = published_trace(Offload::core);
  const Preset preset = find_preset("train_large").value();
  TrainOptions right = preset.options;
  right.schedule.peak = 1e-4;
  right.steps = 20;
  const auto refusal = [&](const model::Config& config, const TrainOptions& options) {
    const Result<> result = check_options(trace, config, options);
    return result ? "" : result.error().message;
  };
  EXPECT_EQ(refusal(preset.config, right), "");
  for (const Precision precision : {Precision::fp32, Precision::bf16}) {
    TrainOptions other = right;
    other.precision = precision;
    other.steps = 1;
    EXPECT_EQ(refusal(preset.config, other), "");
  }
  TrainOptions longer = right;
  longer.steps = 21;
  EXPECT_THAT(refusal(preset.config, longer), HasSubstr("are of 20 steps, not 21: give --steps from 1 to 20"));
  TrainOptions faster = right;
  faster.schedule.peak = 3e-4;
  EXPECT_THAT(refusal(preset.config, faster), HasSubstr("a rate of 0.0001, not 0.0003: give --lr 0.0001"));
  const std::string as_it_is = "of --preset train_large as it is";
  const std::vector<void (*)(TrainOptions&)> changes{[](TrainOptions& o) { o.seed = 43; },
                                                     [](TrainOptions& o) { o.batch = 2; },
                                                     [](TrainOptions& o) { o.accumulation = 5; },
                                                     [](TrainOptions& o) { o.clip = 1; },
                                                     [](TrainOptions& o) { o.seq = 128; },
                                                     [](TrainOptions& o) { o.offload = Offload::full; },
                                                     [](TrainOptions& o) { o.adam.beta2 = 0.95F; },
                                                     [](TrainOptions& o) { o.sampling = Sampling::drand48; },
                                                     [](TrainOptions& o) { o.schedule.warmup = 10; },
                                                     [](TrainOptions& o) { o.scaling = LossScaling::dynamic; }};
  for (const auto change : changes) {
    TrainOptions other = right;
    change(other);
    EXPECT_THAT(refusal(preset.config, other), HasSubstr(as_it_is));
  }
  EXPECT_THAT(refusal(small_config(), right), HasSubstr(as_it_is));
  const Preset ane = find_preset("train_large_ane").value();
  TrainOptions other = ane.options;
  other.schedule.peak = 1e-4;
  other.steps = 11;
  EXPECT_FALSE(check_options(published_trace(Offload::full), ane.config, other))
      << "its first weights are others today";
  other.init = right.init;
  EXPECT_TRUE(check_options(published_trace(Offload::full), ane.config, other));
}

// A trace of the small model on random tokens, as the real one is of the large model on its shard.
class SmallTrace : public testing::Test {
 protected:
  SmallTrace() : tokens_(even_tokens()) {
    TrainOptions options = small_options();
    options.validation = 0;
    trace_ = {.source = "a run of this test",
              .preset = {"small", small_config(), options},
              .steps = options.steps,
              .losses = {},
              .tokens = tokens_.size(),
              .first_tokens = {tokens_[0], tokens_[1], tokens_[2]}};
  }

  std::vector<GoldenRow> rows(int64_t steps, GoldenRow* worst = nullptr) const {
    const auto device = *open_device("cpu", {.precision = Precision::fp32});
    auto trainer = Trainer::create(
        *device, {.config = trace_.preset.config, .options = trace_.preset.options, .tokens = &tokens_});
    EXPECT_TRUE(trainer) << trainer.error().message;
    (*trainer)->initialize();
    std::vector<GoldenRow> rows;
    const auto result = follow(**trainer, trace_, steps, [&](const GoldenRow& row) { rows.push_back(row); });
    EXPECT_TRUE(result);
    if (worst != nullptr) *worst = *result;
    return rows;
  }

  text::TokenFile tokens_;
  GoldenTrace trace_;
};

TEST_F(SmallTrace, TellsHowFarEachLossIsOff) {
  SmallRun run(trace_.preset.options, fresh_folder() + "run.safetensors");
  run.trainer().initialize();
  Recorder recorder;
  ASSERT_TRUE(run.trainer().run(recorder));
  for (const StepReport& step : recorder.steps) {
    if (step.step != 4) trace_.losses.push_back({step.step, step.loss + (step.step == 7 ? 0.25 : 0.125)});
  }
  GoldenRow worst;
  const std::vector<GoldenRow> found = rows(9, &worst);
  ASSERT_EQ(found.size(), 9u);
  for (const GoldenRow& row : found) {
    EXPECT_EQ(row.loss, recorder.steps[static_cast<size_t>(row.step)].loss)
        << "the same run, but that it keeps nothing";
    EXPECT_EQ(row.published.has_value(), row.step != 4);
    EXPECT_NEAR(row.difference(), row.step == 4 ? 0 : row.step == 7 ? -0.25 : -0.125, 1e-12);
  }
  EXPECT_EQ(worst.step, 7);
}

TEST_F(SmallTrace, RefusesOtherData) {
  EXPECT_TRUE(check_data(trace_, tokens_));
  const auto refusal = [&](const text::TokenFile& tokens) {
    const Result<> result = check_data(trace_, tokens);
    return result ? "" : result.error().message;
  };
  EXPECT_THAT(refusal(even_tokens(999)), HasSubstr("it holds 999 tokens and begins with"));
  trace_.first_tokens[2] += 2;
  EXPECT_THAT(refusal(tokens_), HasSubstr("fetch that with `anemone data download`"));
  const std::vector<int32_t> short_ids{tokens_[0], tokens_[1]};
  EXPECT_THAT(refusal(text::TokenFile::in_memory(short_ids, 50)), HasSubstr("it holds 2 tokens"));
}

}  // namespace
}  // namespace anemone::train
