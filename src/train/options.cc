#include "train/options.h"

#include <fmt/ranges.h>

#include <cmath>
#include <cstdint>
#include <limits>

#include "base/json.h"

namespace anemone::train {
namespace {

using model::Config;

// The seed's static pipeline: constant rate, Adam, no clipping, no loss scaling, positions that restart each ten steps,
// and no rotary positions (seed guide, sections 1.2 to 1.5).
Preset static_preset(std::string name, model::InitScheme init, Offload offload) {
  Preset preset{std::move(name), *model::find_config("stories110m"), {}};
  preset.config.rope = model::Rope::none;
  TrainOptions& o = preset.options;
  o.init = init;
  o.offload = offload;
  o.precision = Precision::fp16;
  o.seq = 256;
  o.accumulation = 10;
  o.steps = 10000;
  o.schedule = {.kind = Schedule::Kind::constant, .peak = 3e-4};
  o.adam = kSeedAdam;
  o.clip = 0;
  o.sampling = Sampling::drand48_restarting;
  return preset;
}

// The seed's dynamic pipeline (section 1.6).
Preset dynamic_preset() {
  Preset preset{"dynamic", *model::find_config("stories110m"), {}};
  preset.config.residual_scale = 1 / std::sqrt(2.0 * static_cast<double>(preset.config.layers));
  TrainOptions& o = preset.options;
  o.init = model::InitScheme::dynamic;
  o.source = model::WeightSource::dynamic;
  o.precision = Precision::fp16;
  o.seq = 256;
  o.accumulation = 10;
  o.steps = 10000;
  o.schedule = {.peak = 3e-4, .warmup = 100};
  o.scaling = LossScaling::fixed;
  o.sampling = Sampling::drand48;
  o.compact_vocabulary = true;
  return preset;
}

// The seed's first release (section 1.1): one layer of Stories110M, S = 512, least squares.
Preset single_layer_preset() {
  Preset preset = static_preset("single_layer", model::InitScheme::train_large, Offload::core);
  preset.config.name = "single_layer";
  preset.config.layers = 1;
  preset.config.vocab = 1;
  preset.config.seq = 512;
  preset.options.task = Task::single_layer;
  preset.options.seq = 512;
  preset.options.accumulation = 100;
  preset.options.steps = 400;
  preset.options.schedule.peak = 1e-3;
  return preset;
}

std::vector<Preset> presets() {
  return {static_preset("train_large", model::InitScheme::train_large, Offload::core),
          static_preset("train_large_ane", model::InitScheme::train_large_ane, Offload::full), dynamic_preset(),
          single_layer_preset()};
}

}  // namespace

TrainOptions default_options(const Config& config) {
  TrainOptions o;
  o.seq = config.seq;
  o.steps = 10000;
  o.schedule = {.peak = 3e-4, .warmup = 100};
  o.validation = 16;
  if (config.dim <= 256) {  // small models take larger steps, and a batch that fills the products
    o.batch = 4;
    o.schedule.peak = 4e-3;
    o.steps = 1500;
  }
  return o;
}

LossScaling default_scaling(Precision precision) {
  return precision == Precision::fp16 ? LossScaling::dynamic : LossScaling::none;
}

namespace {

// Far above any use, and low enough that products of them fit 64 bits.
constexpr int64_t kMostTokens = int64_t{1} << 24;   // a step
constexpr int64_t kMostWindows = int64_t{1} << 32;  // of validation

bool is_at_least_zero(double value) { return std::isfinite(value) && value >= 0; }

Result<> validate(const AdamWOptions& adam) {
  for (const float beta : {adam.beta1, adam.beta2}) {
    if (!(beta >= 0 && beta < 1)) return fail("a beta of {} averages nothing: give one from 0 to below 1", beta);
  }
  if (!is_at_least_zero(adam.epsilon)) return fail("an epsilon of {} is not 0 or a positive number", adam.epsilon);
  if (!is_at_least_zero(adam.weight_decay)) {
    return fail("a weight decay of {} is not 0 or a positive number", adam.weight_decay);
  }
  return {};
}

}  // namespace

Result<> validate(const TrainOptions& o) {
  if (o.steps < 1) return fail("{} steps are too few: give at least 1", o.steps);
  if (o.batch < 1 || o.accumulation < 1) return fail("batch and accumulation must be at least 1");
  if (o.seq < 1) return fail("a sequence of {} tokens is too short: give at least 1", o.seq);
  if (o.batch > kMostTokens || o.seq > kMostTokens || o.batch * o.seq > kMostTokens) {
    return fail("a batch of {} x {} is too large: at most {} tokens a step", o.batch, o.seq, kMostTokens);
  }
  if (!(o.schedule.peak > 0) || !std::isfinite(o.schedule.peak)) {
    return fail("a learning rate of {} cannot train: give a positive number", o.schedule.peak);
  }
  if (o.schedule.warmup < 0) return fail("a warm-up of {} steps is negative: give 0 or more", o.schedule.warmup);
  if (!is_at_least_zero(o.schedule.floor_ratio)) return fail("the floor of the learning rate must be 0 or more");
  if (o.validation < 0 || o.validation > kMostWindows) {
    return fail("{} windows of validation are not from 0 to {}", o.validation, kMostWindows);
  }
  if (o.save_every < 1) return fail("a checkpoint every {} steps is none: give at least 1", o.save_every);
  if (!(o.fixed_scale > 0) || !std::isfinite(o.fixed_scale)) {
    return fail("a loss scale of {} cannot train: give a positive number", o.fixed_scale);
  }
  if (!is_at_least_zero(o.clip)) return fail("gradients cannot be clipped to a norm of {}: give 0 or more", o.clip);
  return validate(o.adam);
}

std::vector<std::string> preset_names() {
  std::vector<std::string> names;
  for (const Preset& preset : presets()) names.push_back(preset.name);
  return names;
}

Result<Preset> find_preset(std::string_view name) {
  for (Preset& preset : presets()) {
    if (preset.name == name) return std::move(preset);
  }
  return fail("there is no preset {}: choose one of {}", name, fmt::join(preset_names(), ", "));
}

namespace {

using nlohmann::json;

// One list of the fields serves writing and reading.
template <class Options, class Visit>
void each_field(Options& o, const Visit& visit) {
  visit("task", o.task);
  visit("init", o.init);
  visit("seed", o.seed);
  visit("weights", o.source);
  visit("offload", o.offload);
  visit("precision", o.precision);
  visit("batch", o.batch);
  visit("seq", o.seq);
  visit("accumulation", o.accumulation);
  visit("steps", o.steps);
  visit("schedule", o.schedule.kind);
  visit("rate", o.schedule.peak);
  visit("warmup", o.schedule.warmup);
  visit("rate_floor", o.schedule.floor_ratio);
  visit("beta1", o.adam.beta1);
  visit("beta2", o.adam.beta2);
  visit("epsilon", o.adam.epsilon);
  visit("weight_decay", o.adam.weight_decay);
  visit("decay_embedding", o.adam.decay_embedding);
  visit("clip", o.clip);
  visit("scaling", o.scaling);
  visit("fixed_scale", o.fixed_scale);
  visit("sampling", o.sampling);
  visit("compact_vocabulary", o.compact_vocabulary);
  visit("validation", o.validation);
  visit("save_every", o.save_every);
}

// How many values an enumeration has.
template <class E>
constexpr int kValues = 0;
template <>
constexpr int kValues<Task> = 2;
template <>
constexpr int kValues<model::InitScheme> = 4;
template <>
constexpr int kValues<model::WeightSource> = 2;
template <>
constexpr int kValues<Offload> = 2;
template <>
constexpr int kValues<Precision> = 3;
template <>
constexpr int kValues<Schedule::Kind> = 2;
template <>
constexpr int kValues<LossScaling> = 3;
template <>
constexpr int kValues<Sampling> = 4;

template <class T>
bool read_field(const json& value, T& field) {
  if constexpr (std::is_enum_v<T>) {
    int64_t number = 0;
    if (!read_whole(value, 0, kValues<T> - 1, number)) return false;
    field = static_cast<T>(number);
  } else if constexpr (std::is_integral_v<T> && !std::is_same_v<T, bool>) {
    int64_t number = 0;
    if (!read_whole(value, std::numeric_limits<T>::min(), std::numeric_limits<T>::max(), number)) return false;
    field = static_cast<T>(number);
  } else if constexpr (std::is_same_v<T, bool>) {
    if (!value.is_boolean()) return false;
    field = value.get<bool>();
  } else {
    if (!value.is_number()) return false;
    field = value.get<T>();
  }
  return true;
}

}  // namespace

std::string to_json(const TrainOptions& options) {
  json object;
  each_field(options, [&](const char* name, const auto& field) {
    if constexpr (std::is_enum_v<std::decay_t<decltype(field)>>) {
      object[name] = static_cast<int>(field);
    } else {
      object[name] = field;
    }
  });
  return object.dump();
}

Result<TrainOptions> options_from_json(std::string_view text, std::string_view where) {
  const json object = TRY(parse_json(text, where));
  TrainOptions options;
  std::string bad;
  each_field(options, [&](const char* name, auto& field) {
    if (bad.empty() && (!object.is_object() || !object.contains(name) || !read_field(object[name], field))) bad = name;
  });
  if (!bad.empty()) return fail("{}: the training options lack a valid \"{}\"", where, bad);
  options.schedule.total = options.steps;
  if (const Result<> valid = validate(options); !valid) return fail("{}: {}", where, valid.error().message);
  return options;
}

}  // namespace anemone::train
