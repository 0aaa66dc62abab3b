#include "train/options.h"

#include <gmock/gmock.h>

#include <cmath>

#include "base/json.h"

namespace anemone::train {
namespace {

using model::InitScheme;
using model::WeightSource;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

Preset preset(const char* name) {
  Result<Preset> found = find_preset(name);
  EXPECT_TRUE(found) << name;
  return *std::move(found);
}

TEST(Presets, AreTheSeedsPrograms) {
  EXPECT_THAT(preset_names(), ElementsAre("train_large", "train_large_ane", "dynamic", "single_layer"));
  EXPECT_THAT(find_preset("train_small").error().message, HasSubstr("there is no preset train_small: choose one of"));
  for (const std::string& name : preset_names()) {
    EXPECT_TRUE(validate(preset(name.c_str()).options)) << name;
    EXPECT_TRUE(model::validate(preset(name.c_str()).config)) << name;
  }
}

// Sections 1.2 to 1.5 of the seed guide: constant rate, plain Adam, nothing scaled, nothing clipped.
TEST(Presets, StaticOnes) {
  for (const char* name : {"train_large", "train_large_ane"}) {
    const auto [_, config, o] = preset(name);
    EXPECT_EQ(config.dim, 768);
    EXPECT_EQ(config.layers, 12);
    EXPECT_EQ(config.vocab, 32000);
    EXPECT_EQ(config.rope, model::Rope::none);
    EXPECT_EQ(config.residual_scale, 1);
    EXPECT_EQ(o.source, WeightSource::baked);
    EXPECT_EQ(o.precision, Precision::fp16);
    EXPECT_EQ(o.seed, 42u);
    EXPECT_EQ(o.seq, 256);
    EXPECT_EQ(o.batch, 1);
    EXPECT_EQ(o.accumulation, 10);
    EXPECT_EQ(o.steps, 10000);
    for (const int64_t step : {0, 50, 9999}) EXPECT_EQ(o.schedule.rate(step), 3e-4);
    EXPECT_EQ(o.adam.beta1, 0.9f);
    EXPECT_EQ(o.adam.beta2, 0.999f);
    EXPECT_EQ(o.adam.epsilon, 1e-8f);
    EXPECT_EQ(o.adam.weight_decay, 0);
    EXPECT_EQ(o.clip, 0);
    EXPECT_EQ(o.scaling, LossScaling::none);
    EXPECT_EQ(o.sampling, Sampling::drand48_restarting);
    EXPECT_FALSE(o.compact_vocabulary);
    EXPECT_EQ(o.validation, 0);  // the seed samples from all of the data
  }
  EXPECT_EQ(preset("train_large").options.init, InitScheme::train_large);
  EXPECT_EQ(preset("train_large").options.offload, Offload::core);
  EXPECT_EQ(preset("train_large_ane").options.init, InitScheme::train_large_ane);
  EXPECT_EQ(preset("train_large_ane").options.offload, Offload::full);
}

// Section 1.6: residual scale 1/√24, AdamW, loss scale 256, warm-up and cosine to a tenth.
TEST(Presets, DynamicOne) {
  const auto [_, config, o] = preset("dynamic");
  EXPECT_EQ(config.dim, 768);
  EXPECT_EQ(config.rope, model::Rope::interleaved);
  EXPECT_DOUBLE_EQ(config.residual_scale, 1 / std::sqrt(24.0));
  EXPECT_EQ(o.init, InitScheme::dynamic);
  EXPECT_EQ(o.source, WeightSource::dynamic);
  EXPECT_EQ(o.offload, Offload::core);
  EXPECT_EQ(o.precision, Precision::fp16);
  EXPECT_EQ(o.seq, 256);
  EXPECT_EQ(o.batch, 1);
  EXPECT_EQ(o.accumulation, 10);
  EXPECT_EQ(o.steps, 10000);
  Schedule schedule = o.schedule;
  schedule.total = o.steps;
  EXPECT_DOUBLE_EQ(schedule.rate(0), 3e-6);
  EXPECT_DOUBLE_EQ(schedule.rate(99), 3e-4);
  EXPECT_NEAR(schedule.rate(9999), 3e-5, 1e-9);
  EXPECT_EQ(o.adam.beta1, 0.9f);
  EXPECT_EQ(o.adam.beta2, 0.95f);
  EXPECT_EQ(o.adam.epsilon, 1e-8f);
  EXPECT_EQ(o.adam.weight_decay, 0.1f);
  EXPECT_TRUE(o.adam.decay_embedding);
  EXPECT_EQ(o.clip, 1);
  EXPECT_EQ(o.scaling, LossScaling::fixed);
  EXPECT_EQ(o.fixed_scale, 256);
  EXPECT_EQ(o.sampling, Sampling::drand48);
  EXPECT_TRUE(o.compact_vocabulary);
}

TEST(Presets, SingleLayer) {
  const auto [_, config, o] = preset("single_layer");
  EXPECT_EQ(config.layers, 1);
  EXPECT_EQ(config.dim, 768);
  EXPECT_EQ(config.hidden, 2048);
  EXPECT_EQ(config.rope, model::Rope::none);
  EXPECT_EQ(o.task, Task::single_layer);
  EXPECT_EQ(o.seq, 512);
  EXPECT_EQ(o.accumulation, 100);
  EXPECT_EQ(o.steps, 400);
  EXPECT_EQ(o.schedule.rate(0), 1e-3);
}

TEST(DefaultOptions, AreTheFieldsPractice) {
  for (const std::string& name : model::config_names()) {
    const TrainOptions o = default_options(*model::find_config(name));
    EXPECT_TRUE(validate(o)) << name;
    EXPECT_EQ(o.init, InitScheme::standard);
    EXPECT_EQ(o.sampling, Sampling::uniform);
    EXPECT_EQ(o.clip, 1);
    EXPECT_GT(o.schedule.warmup, 0);
    EXPECT_EQ(o.schedule.kind, Schedule::Kind::cosine);
    EXPECT_FALSE(o.compact_vocabulary);
  }
  EXPECT_EQ(default_scaling(Precision::fp16), LossScaling::dynamic);
  EXPECT_EQ(default_scaling(Precision::fp32), LossScaling::none);
  EXPECT_EQ(default_scaling(Precision::bf16), LossScaling::none);
}

// Every field other than its default.
TrainOptions unusual() {
  TrainOptions o;
  o.task = Task::single_layer;
  o.init = InitScheme::dynamic;
  o.seed = 4'000'000'000u;
  o.source = WeightSource::dynamic;
  o.offload = Offload::full;
  o.precision = Precision::bf16;
  o.batch = 3;
  o.seq = 77;
  o.accumulation = 7;
  o.steps = 12345;
  o.schedule = {.kind = Schedule::Kind::constant, .peak = 1.1e-3, .warmup = 13, .total = 12345, .floor_ratio = 0.3};
  o.adam = {.beta1 = 0.8f, .beta2 = 0.99f, .epsilon = 1e-6f, .weight_decay = 0.01f, .decay_embedding = false};
  o.clip = 0.7;
  o.scaling = LossScaling::dynamic;
  o.fixed_scale = 99.5;
  o.sampling = Sampling::drand48_restarting;
  o.compact_vocabulary = true;
  o.validation = 21;
  o.save_every = 17;
  return o;
}

TEST(OptionsJson, KeepsEveryField) {
  EXPECT_EQ(*options_from_json(to_json(unusual()), "here"), unusual());
  for (const std::string& name : preset_names()) {
    TrainOptions o = preset(name.c_str()).options;
    o.schedule.total = o.steps;
    EXPECT_EQ(*options_from_json(to_json(o), "here"), o) << name;
  }
}

std::string error_with(const char* field, const nlohmann::json& value) {
  nlohmann::json object = nlohmann::json::parse(to_json(unusual()));
  object[field] = value;
  const Result<TrainOptions> options = options_from_json(object.dump(), "run.safetensors");
  return options ? "" : options.error().message;
}

TEST(OptionsJson, RefusesNonsenseNamingFileAndField) {
  const nlohmann::json object = nlohmann::json::parse(to_json(unusual()));
  for (const auto& [name, value] : object.items()) {
    nlohmann::json without = object;
    without.erase(name);
    const std::string error = options_from_json(without.dump(), "run.safetensors").error().message;
    EXPECT_THAT(error, testing::AllOf(HasSubstr("run.safetensors"), HasSubstr("\"" + name + "\"")));
    for (const nlohmann::json& wrong : {nlohmann::json("text"), nlohmann::json(nullptr), nlohmann::json::array()}) {
      EXPECT_THAT(error_with(name.c_str(), wrong), HasSubstr("\"" + name + "\"")) << wrong;
    }
  }
  for (const char* name : {"batch", "seq", "steps", "warmup", "seed", "validation", "save_every", "task", "sampling"}) {
    for (const nlohmann::json& wrong : {nlohmann::json(1.5), nlohmann::json(1e300), nlohmann::json(UINT64_MAX)}) {
      EXPECT_THAT(error_with(name, wrong), HasSubstr(name)) << wrong;
    }
  }
  EXPECT_THAT(error_with("seed", -1), HasSubstr("\"seed\""));
  EXPECT_THAT(error_with("precision", 3), HasSubstr("\"precision\""));
  EXPECT_THAT(error_with("offload", -1), HasSubstr("\"offload\""));
  EXPECT_THAT(error_with("steps", -5), HasSubstr("run.safetensors: -5 steps"));
  EXPECT_THAT(options_from_json("[1]", "run.safetensors").error().message, HasSubstr("run.safetensors"));
  EXPECT_THAT(options_from_json("{", "run.safetensors").error().message, HasSubstr("run.safetensors"));
}

template <class Change>
std::string error_after(const Change& change) {
  TrainOptions o = unusual();
  change(o);
  const Result<> valid = validate(o);
  return valid ? "" : valid.error().message;
}

TEST(ValidateOptions, SaysWhatIsWrong) {
  EXPECT_THAT(error_after([](TrainOptions&) {}), IsEmpty());
  EXPECT_THAT(error_after([](TrainOptions& o) { o.steps = 0; }), HasSubstr("0 steps are too few"));
  EXPECT_THAT(error_after([](TrainOptions& o) { o.batch = 0; }), HasSubstr("batch"));
  EXPECT_THAT(error_after([](TrainOptions& o) { o.accumulation = -1; }), HasSubstr("accumulation"));
  EXPECT_THAT(error_after([](TrainOptions& o) { o.seq = 0; }), HasSubstr("0 tokens is too short"));
  EXPECT_THAT(error_after([](TrainOptions& o) { o.batch = int64_t{1} << 62; }), HasSubstr("tokens a step"));
  EXPECT_THAT(error_after([](TrainOptions& o) { o.seq = int64_t{1} << 30; }), HasSubstr("tokens a step"));
  EXPECT_THAT(error_after([](TrainOptions& o) { o.schedule.warmup = -1; }), HasSubstr("warm-up"));
  EXPECT_THAT(error_after([](TrainOptions& o) { o.validation = -1; }), HasSubstr("validation"));
  EXPECT_THAT(error_after([](TrainOptions& o) { o.validation = int64_t{1} << 62; }), HasSubstr("validation"));
  EXPECT_THAT(error_after([](TrainOptions& o) { o.save_every = 0; }), HasSubstr("checkpoint"));
  for (const double bad : {-1.0, static_cast<double>(NAN), static_cast<double>(INFINITY)}) {
    EXPECT_THAT(error_after([=](TrainOptions& o) { o.schedule.peak = bad; }), HasSubstr("learning rate"));
    EXPECT_THAT(error_after([=](TrainOptions& o) { o.fixed_scale = bad; }), HasSubstr("loss scale"));
    EXPECT_THAT(error_after([=](TrainOptions& o) { o.clip = bad; }), HasSubstr("norm"));
    EXPECT_THAT(error_after([=](TrainOptions& o) { o.schedule.floor_ratio = bad; }), HasSubstr("floor"));
    const auto f = static_cast<float>(bad);
    EXPECT_THAT(error_after([=](TrainOptions& o) { o.adam.weight_decay = f; }), HasSubstr("decay"));
    EXPECT_THAT(error_after([=](TrainOptions& o) { o.adam.beta1 = f; }), HasSubstr("beta"));
    EXPECT_THAT(error_after([=](TrainOptions& o) { o.adam.epsilon = f; }), HasSubstr("epsilon"));
  }
  EXPECT_THAT(error_after([](TrainOptions& o) { o.adam.beta2 = 1; }), HasSubstr("beta"));
}

}  // namespace
}  // namespace anemone::train
