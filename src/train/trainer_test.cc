#include "train/trainer.h"

#include <gmock/gmock.h>

#include <cmath>

#include "train/pipeline.h"
#include "train/trainer_testing.h"

namespace anemone::train {
namespace {

using model::Parameters;
using testing::ElementsAre;
using testing::HasSubstr;

bool same_bits(const Parameters& a, const Parameters& b) {
  return std::ranges::equal(std::as_bytes(a.all()), std::as_bytes(b.all()));
}

double largest_difference(std::span<const float> a, std::span<const float> b) {
  double largest = 0;
  for (size_t i = 0; i < a.size(); ++i) largest = std::max(largest, std::fabs(double{a[i]} - b[i]));
  return largest;
}

std::vector<double> losses(const Recorder& recorder) {
  std::vector<double> values;
  for (const StepReport& step : recorder.steps) values.push_back(step.loss);
  return values;
}

struct Case {
  model::WeightSource source;
  Offload offload;
  Precision precision;
  bool compact;
};

std::vector<Case> cases() {
  std::vector<Case> all;
  for (auto source : {model::WeightSource::baked, model::WeightSource::dynamic}) {
    for (Offload offload : {Offload::core, Offload::full}) {
      for (Precision precision : {Precision::fp32, Precision::fp16, Precision::bf16}) {
        for (bool compact : {false, true}) all.push_back({source, offload, precision, compact});
      }
    }
  }
  return all;
}

std::string name_of(const testing::TestParamInfo<Case>& info) {
  const Case& c = info.param;
  return std::string(c.source == model::WeightSource::baked ? "baked" : "dynamic") +
         (c.offload == Offload::core ? "_core_" : "_full_") + std::string(to_string(c.precision)) +
         (c.compact ? "_compact" : "");
}

class Resuming : public testing::TestWithParam<Case> {
 protected:
  static TrainOptions options() {
    const Case& c = GetParam();
    TrainOptions o = small_options();
    o.source = c.source;
    o.offload = c.offload;
    o.precision = c.precision;
    o.scaling = default_scaling(c.precision);
    o.compact_vocabulary = c.compact;
    return o;
  }
};

// Stopped before the first update, in the middle of an accumulation, right after an update and at a save point.
TEST_P(Resuming, GoesOnBitForBitAsIfNeverStopped) {
  const std::string folder = fresh_folder();
  SmallRun whole(options(), folder + "whole.safetensors");
  whole.trainer().initialize();
  Recorder expected;
  ASSERT_TRUE(whole.trainer().run(expected));
  const Checkpoint last = *load_checkpoint(whole.path());
  const Checkpoint best = *load_checkpoint(best_path(whole.path()));
  for (const int64_t k : {1, 5, 6, 8}) {
    SCOPED_TRACE(k);
    SmallRun first(options(), folder + "run.safetensors");
    first.trainer().initialize();
    Recorder recorder(k);
    EXPECT_FALSE(first.trainer().run(recorder)->finished);
    SmallRun second(options(), first.path());
    ASSERT_TRUE(second.trainer().resume(*load_checkpoint(first.path())));
    recorder.last = 100;
    EXPECT_TRUE(second.trainer().run(recorder)->finished);
    EXPECT_EQ(losses(recorder), losses(expected));
    const Checkpoint found = *load_checkpoint(second.path());
    EXPECT_TRUE(same_bits(found.weights, last.weights));
    EXPECT_TRUE(same_bits(found.m, last.m));
    EXPECT_TRUE(same_bits(found.v, last.v));
    EXPECT_EQ(found.used_rows, last.used_rows);
    EXPECT_EQ(found.state, last.state);
    EXPECT_TRUE(same_bits(load_checkpoint(best_path(second.path()))->weights, best.weights));
  }
}

TEST_P(Resuming, IsNotDisturbedBySaving) {
  const std::string folder = fresh_folder();
  TrainOptions often = options(), never = options();
  often.save_every = 1;
  never.save_every = 1000;
  SmallRun first(often, folder + "often.safetensors"), second(never, folder + "never.safetensors");
  Recorder one, other;
  for (auto* run : {&first, &second}) run->trainer().initialize();
  ASSERT_TRUE(first.trainer().run(one) && second.trainer().run(other));
  EXPECT_EQ(losses(one), losses(other));
  EXPECT_TRUE(same_bits(first.trainer().weights(), second.trainer().weights()));
}

INSTANTIATE_TEST_SUITE_P(Trainer, Resuming, testing::ValuesIn(cases()), name_of);

// The weights and first moments that a run with these options ends with.
Checkpoint end_of(const TrainOptions& options, const std::string& name) {
  SmallRun run(options, fresh_folder() + name);
  run.trainer().initialize();
  Recorder recorder;
  EXPECT_TRUE(run.trainer().run(recorder));
  return *load_checkpoint(run.path());
}

TEST(Trainer, AccumulatesStepsAsItWouldABatch) {
  TrainOptions one = small_options();
  one.schedule = {.kind = Schedule::Kind::constant, .peak = 1e-2};
  one.adam.epsilon = 1e-2f;  // no division by gradients that are nearly zero, which would show every rounding
  one.batch = 4;
  one.accumulation = 1;
  one.steps = 2;
  TrainOptions many = one;
  many.batch = 1;
  many.accumulation = 4;
  many.steps = 8;
  const Checkpoint a = end_of(one, "one.safetensors"), b = end_of(many, "many.safetensors");
  EXPECT_LT(largest_difference(a.m.all(), b.m.all()), 1e-7);
  EXPECT_LT(largest_difference(a.weights.all(), b.weights.all()), 1e-6);
  EXPECT_EQ(b.state.updates, 2);
}

TEST(Trainer, DividesTheLastAccumulationByItsOwnCount) {
  TrainOptions partial = small_options();
  partial.clip = 0;
  partial.steps = 2;
  TrainOptions full = partial;
  full.accumulation = 2;
  EXPECT_TRUE(same_bits(end_of(partial, "partial.safetensors").m, end_of(full, "full.safetensors").m));
}

// A rate that grows until the run falls apart.
TEST(Trainer, KeepsTheLastAndReplacesTheBestOnlyByABetterOne) {
  TrainOptions options = small_options();
  options.accumulation = 1;
  options.steps = 60;
  options.schedule = {.kind = Schedule::Kind::constant, .peak = 1, .warmup = 60};
  SmallRun run(options, fresh_folder() + "run.safetensors");
  run.trainer().initialize();
  Recorder recorder;
  ASSERT_TRUE(run.trainer().run(recorder));
  double lowest = INFINITY;
  int64_t best_step = 0, worse = 0;
  for (const CheckpointReport& report : recorder.checkpoints) {
    EXPECT_EQ(report.best, *report.validation < lowest) << report.step;
    if (report.best) best_step = report.step;
    worse += report.best ? 0 : 1;
    lowest = std::min(lowest, *report.validation);
  }
  EXPECT_GT(worse, 0);
  EXPECT_GT(best_step, 4);
  EXPECT_EQ(load_checkpoint(run.path())->state.step, 60);
  EXPECT_EQ(load_checkpoint(best_path(run.path()))->state.step, best_step);
  EXPECT_EQ(load_checkpoint(run.path())->state.best_loss, lowest);
}

TEST(Trainer, KeepsABestFromTheFirstStopOn) {
  SmallRun run(small_options(), fresh_folder() + "run.safetensors");
  run.trainer().initialize();
  Recorder recorder(2);
  ASSERT_TRUE(run.trainer().run(recorder));
  EXPECT_EQ(load_checkpoint(best_path(run.path()))->state.step, 2);
}

TrainOptions half_options() {
  TrainOptions options = small_options();
  options.precision = Precision::fp16;
  options.scaling = LossScaling::dynamic;
  options.accumulation = 1;
  options.steps = 30;
  return options;
}

TEST(Trainer, SkipsAnUpdateThatOverflowsAndHalvesTheScale) {
  const std::string path = fresh_folder() + "run.safetensors";
  SmallRun first(half_options(), path);
  first.trainer().initialize();
  Recorder recorder(1);
  ASSERT_TRUE(first.trainer().run(recorder));
  Checkpoint checkpoint = *load_checkpoint(path);
  checkpoint.state.scaler.scale = 0x1p34;

  SmallRun second(half_options(), path);
  ASSERT_TRUE(second.trainer().resume(std::move(checkpoint)));
  Recorder stopped(2);
  ASSERT_TRUE(second.trainer().run(stopped));
  EXPECT_TRUE(stopped.steps[0].skipped);
  EXPECT_EQ(second.trainer().state().scaler.scale, 0x1p33);
  EXPECT_EQ(second.trainer().state().updates, 1);
  EXPECT_TRUE(same_bits(second.trainer().weights(), first.trainer().weights()));

  Recorder rest;
  ASSERT_TRUE(second.trainer().run(rest));
  EXPECT_TRUE(rest.steps[0].skipped);
  EXPECT_FALSE(rest.steps.back().skipped);
  EXPECT_FALSE(same_bits(second.trainer().weights(), first.trainer().weights()));
  EXPECT_LT(second.trainer().state().scaler.scale, 0x1p33);
}

TEST(Trainer, SaysWhereGradientsOverflowWithoutAScaleToHalve) {
  TrainOptions options = half_options();
  options.scaling = LossScaling::fixed;
  options.fixed_scale = 0x1p40;
  SmallRun run(options, fresh_folder() + "run.safetensors");
  run.trainer().initialize();
  EXPECT_THAT(run.error(), HasSubstr("the gradients of step 0 overflow"));
}

// What stands on disk after a good run of two steps, and its bytes.
std::string saved_run(const std::string& folder) {
  SmallRun run(small_options(), folder + "run.safetensors");
  run.trainer().initialize();
  Recorder recorder(2);
  EXPECT_TRUE(run.trainer().run(recorder));
  return *read_text(run.path());
}

TEST(Trainer, LeavesTheCheckpointWhereTheLossIsNoNumber) {
  const std::string folder = fresh_folder(), before = saved_run(folder);
  const std::vector<std::string> files = files_in(folder);
  for (const float bad : {NAN, INFINITY}) {
    SmallRun run(small_options(), folder + "run.safetensors");
    Parameters weights(small_config());
    model::initialize(weights, small_config(), 1);
    weights.layer(1).w2[3] = bad;
    run.trainer().start_from(std::move(weights));
    EXPECT_THAT(run.error(), HasSubstr("the loss of step 0 is not a number"));
    EXPECT_TRUE(*read_text(run.path()) == before);
    EXPECT_EQ(files_in(folder), files);
  }
}

// No later step would show what the last update did.
TEST(Trainer, SavesNoWeightsThatAreNotNumbers) {
  const std::string folder = fresh_folder(), before = saved_run(folder);
  for (const int64_t validation : {0, 4}) {
    TrainOptions options = small_options();
    options.steps = 1;
    options.validation = validation;
    options.schedule = {.kind = Schedule::Kind::constant, .peak = 3e38};
    SmallRun run(options, folder + "run.safetensors");
    run.trainer().initialize();
    EXPECT_THAT(run.error(), HasSubstr("--lr"));
    EXPECT_TRUE(*read_text(run.path()) == before);
  }
}

TEST(Trainer, RefusesAnotherModelsOrAnotherDatasCheckpoint) {
  const std::string folder = fresh_folder();
  saved_run(folder);
  SmallRun run(small_options(), folder + "other.safetensors");
  Checkpoint other_data = *load_checkpoint(folder + "run.safetensors");
  other_data.state.tokens = 17;
  EXPECT_THAT(run.trainer().resume(std::move(other_data)).error().message, HasSubstr("was started on 17 tokens"));
  Checkpoint other_model = *load_checkpoint(folder + "run.safetensors");
  other_model.config.norm_eps = 1e-6;
  EXPECT_THAT(run.trainer().resume(std::move(other_model)).error().message, HasSubstr("another than this run's"));
}

TEST(Trainer, ResumesWithAnotherLossScaling) {
  const std::string folder = fresh_folder();
  SmallRun first(half_options(), folder + "run.safetensors");
  first.trainer().initialize();
  Recorder recorder(2);
  ASSERT_TRUE(first.trainer().run(recorder));
  TrainOptions fixed = half_options();
  fixed.scaling = LossScaling::fixed;
  fixed.fixed_scale = 128;
  SmallRun second(fixed, first.path());
  ASSERT_TRUE(second.trainer().resume(*load_checkpoint(first.path())));
  Recorder rest(3);
  ASSERT_TRUE(second.trainer().run(rest));
  EXPECT_EQ(rest.steps[0].loss_scale, 128);
}

TEST(Trainer, WillNotMixTwoLossScalesInOneUpdate) {
  TrainOptions options = half_options();
  options.accumulation = 4;
  SmallRun first(options, fresh_folder() + "run.safetensors");
  first.trainer().initialize();
  Recorder recorder(2);
  ASSERT_TRUE(first.trainer().run(recorder));
  options.scaling = LossScaling::none;
  SmallRun second(options, first.path());
  EXPECT_THAT(second.trainer().resume(*load_checkpoint(first.path())).error().message, HasSubstr("loss scaling"));
}

// Rows that the data never shows keep their bits, compact or not.
TEST(Trainer, LeavesRowsOfUnusedTokensAlone) {
  for (const bool compact : {false, true}) {
    TrainOptions options = small_options();
    options.compact_vocabulary = compact;
    SmallRun run(options, fresh_folder() + "run.safetensors");
    run.trainer().initialize();
    Parameters before(small_config());
    model::initialize(before, small_config(), options.seed, options.init);
    Recorder recorder;
    ASSERT_TRUE(run.trainer().run(recorder));
    const auto row = [](std::span<const float> table, size_t id) { return table.subspan(id * 16, 16); };
    const std::span<const float> first = before.embedding(), last = run.trainer().weights().embedding();
    EXPECT_NE(largest_difference(row(first, 0), row(last, 0)), 0);
    // The full classifier pushes every row down, for every row might have been the next token.
    EXPECT_EQ(largest_difference(row(first, 1), row(last, 1)) == 0, compact);
    EXPECT_EQ(largest_difference(row(first, 49), row(last, 49)) == 0, compact);
  }
}

TEST(Trainer, RefusesDataTooShortAndPlacesThatCannotBeWritten) {
  const auto device = *open_device("cpu");
  const text::TokenFile tokens = even_tokens(9);
  const auto error = [&](const std::string& path) {
    const auto trainer = Trainer::create(*device, {small_config(), small_options(), &tokens, path});
    return trainer ? "" : trainer.error().message;
  };
  EXPECT_THAT(error(fresh_folder() + "run.safetensors"), HasSubstr("too few for windows of 8"));
  EXPECT_THAT(error("no/such/folder/run.safetensors"), HasSubstr("cannot write no/such/folder/run.safetensors"));
}

TEST(BestPath, StandsBesideTheCheckpoint) {
  EXPECT_EQ(best_path("runs/a.safetensors"), "runs/a.best.safetensors");
  EXPECT_EQ(best_path("plain"), "plain.best");
}

// Several steps' gradients of one pipeline.
Parameters gradients_of(const model::Config& config, const PipelineOptions& options, const Parameters& weights,
                        const std::vector<std::vector<int32_t>>& windows) {
  const auto device = *open_device("cpu", {.precision = options.precision});
  auto pipeline = *Pipeline::create(*device, config, options);
  Parameters gradients(config);
  EXPECT_TRUE(pipeline->stage(weights));
  std::ranges::fill(gradients.all(), options.vocabulary == nullptr ? NAN : 0);  // which the first step replaces
  for (const std::vector<int32_t>& window : windows) {
    const std::span<const int32_t> ids = window;
    const Into into = &window == &windows.front() ? Into::assign : Into::add;
    EXPECT_TRUE(pipeline->step(ids.first(ids.size() - 1), ids.subspan(1), 1, into, gradients));
  }
  pipeline->finish();
  return gradients;
}

std::vector<std::vector<int32_t>> even_windows() {
  const text::TokenFile tokens = even_tokens();
  std::vector<std::vector<int32_t>> windows(3, std::vector<int32_t>(9));
  for (size_t w = 0; w < windows.size(); ++w) tokens.copy(static_cast<int64_t>(40 * w), windows[w]);
  return windows;
}

Parameters small_weights(const model::Config& config) {
  Parameters weights(config);
  model::initialize(weights, config, 3);
  return weights;
}

// The difference's norm by that of what is expected, tensor by tensor the largest.
double relative_error(const Parameters& found, const Parameters& expected) {
  double largest = 0;
  for (const model::TensorInfo& tensor : expected.tensors()) {
    const std::span<const float> a = found.tensor(tensor), b = expected.tensor(tensor);
    std::vector<float> difference(a.size());
    std::ranges::transform(a, b, difference.begin(), std::minus<>());
    largest = std::max(largest, std::sqrt(squared_norm(difference) / squared_norm(b)));
  }
  return largest;
}

// With overlap the queue multiplies on one thread, which may add up in another order: the same bits each time, and but
// for rounding the same numbers as without.
TEST(Pipeline, GradientsAreTheSameWithAndWithoutOverlap) {
  const Parameters weights = small_weights(small_config());
  for (auto source : {model::WeightSource::baked, model::WeightSource::dynamic}) {
    PipelineOptions options{.source = source, .seq = 8, .overlap = false};
    const Parameters apart = gradients_of(small_config(), options, weights, even_windows());
    options.overlap = true;
    const Parameters beside = gradients_of(small_config(), options, weights, even_windows());
    EXPECT_LT(relative_error(beside, apart), 1e-5);
    for (int repetition = 0; repetition < 20; ++repetition) {
      EXPECT_TRUE(same_bits(gradients_of(small_config(), options, weights, even_windows()), beside));
    }
  }
}

TEST(Pipeline, GradientsAtBfloat16ComeCloseToThoseInFloat) {
  const Parameters weights = small_weights(small_config());
  for (auto source : {model::WeightSource::baked, model::WeightSource::dynamic}) {
    PipelineOptions options{.source = source, .seq = 8};
    const Parameters expected = gradients_of(small_config(), options, weights, even_windows());
    options.precision = Precision::bf16;
    const Parameters found = gradients_of(small_config(), options, weights, even_windows());
    EXPECT_LT(relative_error(found, expected), 0.02);
    EXPECT_GT(relative_error(found, expected), 1e-4) << "no factor was rounded";
  }
}

// Rows of the even ids, those of even_tokens(): row i of the result is row 2i.
void copy_even_rows(std::span<const float> table, std::span<float> rows) {
  constexpr size_t kDim = 16;
  for (size_t i = 0; i < rows.size(); ++i) rows[i] = table[i / kDim * 2 * kDim + i % kDim];
}

// The same weights for the vocabulary of the even ids alone.
Parameters for_even_ids(const Parameters& weights, const model::Config& config) {
  Parameters even(config);
  for (size_t i = 0; i < weights.tensors().size(); ++i) {
    const std::span<const float> from = weights.tensor(weights.tensors()[i]);
    const std::span<float> to = even.tensor(even.tensors()[i]);
    from.size() == to.size() ? void(std::ranges::copy(from, to.begin())) : copy_even_rows(from, to);
  }
  return even;
}

CompactVocabulary even_vocabulary() {
  UsedTokens used(small_config().vocab);
  for (const std::vector<int32_t>& window : even_windows()) used.add(window);
  for (int32_t id = 0; id < 50; id += 2) used.add(std::span(&id, 1));
  return CompactVocabulary(used);
}

// The expectation is a model whose whole vocabulary are the used tokens: the others might as well have a logit of −∞.
TEST(Pipeline, ACompactVocabularyIsAModelOfThatVocabulary) {
  for (const bool tied : {true, false}) {
    model::Config config = small_config(), even_config = small_config();
    config.tied = even_config.tied = tied;
    even_config.vocab = 25;
    const Parameters weights = small_weights(config);
    std::vector<std::vector<int32_t>> halved = even_windows();
    for (auto& window : halved) {
      for (int32_t& id : window) id /= 2;
    }
    PipelineOptions options{.seq = 8};
    const Parameters expected = gradients_of(even_config, options, for_even_ids(weights, even_config), halved);
    const CompactVocabulary vocabulary = even_vocabulary();
    options.vocabulary = &vocabulary;
    const Parameters found = gradients_of(config, options, weights, even_windows());

    EXPECT_LT(largest_difference(for_even_ids(found, even_config).all(), expected.all()), 1e-6);
    for (size_t i = 0; i < found.embedding().size(); ++i) {
      if (i / 16 % 2 == 0) continue;
      EXPECT_EQ(found.embedding()[i], 0);
      EXPECT_EQ(found.classifier()[i], 0);
    }
  }
}

}  // namespace
}  // namespace anemone::train
