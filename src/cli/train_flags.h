// The flags of a training run, as `train` takes them and `dashboard` hands them on.
#pragma once

#include <CLI/CLI.hpp>
#include <optional>
#include <string>

#include "cli/device_flags.h"
#include "train/options.h"

namespace anemone::cli {

// Each flag as given, or nothing: what is not given comes from the checkpoint, the preset or the model's defaults.
struct TrainFlags {
  std::optional<std::string> config, preset, data, tokenizer, loss_scale, init, checkpoint, log;
  std::optional<model::WeightSource> weights;
  std::optional<train::Offload> offload;
  std::optional<train::Schedule::Kind> schedule;
  std::optional<train::Sampling> windows;
  DeviceFlags on;
  std::optional<int64_t> steps, warmup, accumulation, batch, seq, save_every, validation;
  std::optional<double> rate, clip, weight_decay;
  std::optional<uint32_t> seed;
  std::optional<int> threads;
  bool resume = false, scratch = false, compact_vocabulary = false, no_ane_extras = false, golden = false;
};

// The seed's positional arguments too: MODEL, SEQ, STEPS, LR.
void add_train_flags(CLI::App& app, TrainFlags& flags);

// Where a run keeps its checkpoint, if not told: of a preset or model of that name.
std::string default_checkpoint(const std::string& name);
// The model's, where neither a preset nor a file of weights decides.
std::string config_name(const TrainFlags& flags);

}  // namespace anemone::cli
