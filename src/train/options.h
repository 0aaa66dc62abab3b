// Everything that decides how a run goes, but for the model's shape and the data.
//
//   TrainOptions options = default_options(config);
//   Preset preset = TRY(find_preset("train_large"));          // or a configuration and options of the seed's programs
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "model/initialize.h"
#include "model/kernel.h"
#include "train/layer_kernel.h"
#include "train/optimizer.h"
#include "train/sampler.h"
#include "train/schedule.h"

namespace anemone::train {

enum class Task {
  language_model,
  single_layer,  // one layer fits a fixed target by least squares: the seed's first release
};

// Programs hold halves at fp16 and floats otherwise.
inline mil::DType program_dtype(Precision precision) {
  return precision == Precision::fp16 ? mil::DType::fp16 : mil::DType::fp32;
}

enum class LossScaling { none, fixed, dynamic };

// A step is one forward and backward pass over `batch` sequences; the weights change after every `accumulation` steps,
// and after the last one.
struct TrainOptions {
  Task task = Task::language_model;
  model::InitScheme init = model::InitScheme::standard;
  uint32_t seed = 42;  // of initialisation and sampling
  model::WeightSource source = model::WeightSource::baked;
  Offload offload = Offload::core;
  Precision precision = Precision::fp32;
  int64_t batch = 1;
  int64_t seq = 0;
  int64_t accumulation = 1;
  int64_t steps = 0;
  Schedule schedule;  // its total is `steps`
  AdamWOptions adam;
  double clip = 1;  // the gradients' global norm is at most this; 0: no clipping
  LossScaling scaling = LossScaling::none;
  double fixed_scale = 256;  // with LossScaling::fixed
  Sampling sampling = Sampling::uniform;
  bool compact_vocabulary = false;
  int64_t validation = 0;    // windows at the end of the data that are held out
  int64_t save_every = 500;  // steps from one checkpoint to the next

  mil::DType dtype() const { return program_dtype(precision); }
  bool operator==(const TrainOptions&) const = default;
};

// The field's practice for a model of that size: AdamW, warm-up and cosine decay, clipping at 1, normal initialisation.
TrainOptions default_options(const model::Config& config);
// What the precision asks for: dynamic loss scaling at fp16, none otherwise.
LossScaling default_scaling(Precision precision);

// One sentence on what is wrong with them.
Result<> validate(const TrainOptions& options);

// One of the seed's programs: its model and all that its loss depends on.
struct Preset {
  std::string name;
  model::Config config;
  TrainOptions options;
};
std::vector<std::string> preset_names();
Result<Preset> find_preset(std::string_view name);

// As checkpoints hold them.
std::string to_json(const TrainOptions& options);
Result<TrainOptions> options_from_json(std::string_view text, std::string_view where);

}  // namespace anemone::train
