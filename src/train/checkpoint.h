// A training run on disk: one safetensors file with the weights, the optimizer's state and all that a resumed run needs
// to go on bit for bit.
//
//   TRY(save_checkpoint("run.safetensors", view));
//   Checkpoint checkpoint = TRY(load_checkpoint("run.safetensors"));
//
// The file is checksummed, written beside the old one and renamed over it. Tensors: the weights under their names;
// "optimizer.m.…", "optimizer.v.…" and, where the run stopped between two updates, "optimizer.gradient.…";
// "optimizer.used_rows". Metadata: "config", "options", "state" (JSON), "tokenizer", the path of one as seen from the
// checkpoint's folder, and "data", the path of the token file; both where there is one.
#pragma once

#include <limits>
#include <optional>
#include <string>

#include "model/weights_file.h"
#include "train/loss_scaler.h"
#include "train/options.h"

namespace anemone::train {

// Where a run stands.
struct TrainerState {
  int64_t step = 0;         // steps done
  int64_t accumulated = 0;  // of them, since the last update
  int64_t updates = 0;
  int64_t drawn = 0;   // windows sampled
  int64_t tokens = 0;  // of the data, so that a run is not resumed on other data unawares
  LossScaler::State scaler;
  double last_loss = 0;
  double best_loss = std::numeric_limits<double>::infinity();  // of validation, or the mean since the last checkpoint
  double loss_sum = 0;                                         // since the last checkpoint
  int64_t loss_count = 0;
  bool operator==(const TrainerState&) const = default;
};

// What save_checkpoint writes; it refers to the trainer's own.
struct CheckpointView {
  const model::Config& config;
  const TrainOptions& options;
  const TrainerState& state;
  const model::Parameters& weights;
  const model::Parameters& m;
  const model::Parameters& v;
  const model::Parameters* gradients;  // null right after an update
  std::span<const uint8_t> used_rows;
  std::string tokenizer, data;
};

struct Checkpoint {
  model::Config config;
  TrainOptions options;
  TrainerState state;
  model::Parameters weights, m, v;
  std::optional<model::Parameters> gradients;
  std::vector<uint8_t> used_rows;
  std::string tokenizer, data;
};

Result<> save_checkpoint(const std::string& path, const CheckpointView& view);
// Everything is checked before anything is returned.
Result<Checkpoint> load_checkpoint(const std::string& path);

}  // namespace anemone::train
