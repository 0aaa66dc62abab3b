// A training run: batches, gradient accumulation, updates, validation, checkpoints.
//
//   auto trainer = TRY(Trainer::create(*device, {config, options, &tokens, "run.safetensors", "run.model"}));
//   trainer->initialize();                          // or start_from(weights), or resume(checkpoint)
//   RunSummary summary = TRY(trainer->run(observer));
//
// After k steps the state is the same wherever the run was stopped and resumed in between: same seed, device
// and thread count, same bits.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "text/token_file.h"
#include "train/checkpoint.h"
#include "train/objective.h"
#include "train/vocabulary.h"

namespace anemone::train {

// One step, for showing and logging.
struct StepReport {
  int64_t step = 0;  // from 0
  double loss = 0;   // mean of −ln p over the batch
  double rate = 0;   // the learning rate, as it is used
  double loss_scale = 1;
  std::optional<double> norm{};  // of the gradients before clipping, where this step ended with an update
  bool skipped = false;          // that update overflowed and was not applied
  double milliseconds = 0;       // of the whole step: passes, weight gradients, update, weights to the device
  std::array<double, kTimerNames.size()> timers{};  // of them, by Timer
  std::optional<DeviceTime> device{};               // of the programs, by the device's own clock
};

struct CheckpointReport {
  std::string path;
  int64_t step = 0;
  std::optional<double> validation{};  // mean loss of the windows held out; none where the run was asked to stop
  bool best = false;
};

// What a run has done since it was started or resumed.
struct RunSummary {
  int64_t first_step = 0, steps = 0;  // done by this process
  bool finished = false;              // false: the observer asked to stop
  double wall_ms = 0, train_ms = 0, compile_ms = 0;
  std::optional<DeviceTime> device{};  // of all steps
};

// Hears what happens; asked after each step whether to stop or to save.
class TrainingObserver {
 public:
  virtual ~TrainingObserver() = default;
  virtual void on_step(const StepReport&) {}
  virtual void on_checkpoint(const CheckpointReport&) {}
  virtual bool wants_stop() { return false; }
  virtual bool wants_save() { return false; }  // a checkpoint now, which leaves no other trace
};

struct TrainerSetup {
  model::Config config;
  TrainOptions options;
  const text::TokenFile* tokens = nullptr;  // null for Task::single_layer; ids below config.vocab
  std::string checkpoint{};                 // path; the best is kept beside it. Without it there is no run()
  std::string tokenizer{}, data{};          // as the checkpoint names them; may be empty
};

// "run.safetensors" → "run.best.safetensors"
std::string best_path(const std::string& checkpoint);

class Trainer {
 public:
  // Fails where the data is too short or the checkpoint's place cannot be written.
  static Result<std::unique_ptr<Trainer>> create(Device& device, TrainerSetup setup);

  // One of these three, once.
  void initialize();
  void start_from(model::Parameters weights);
  Result<> resume(Checkpoint checkpoint);

  // To options.steps, or until the observer wants to stop; ends with a checkpoint either way.
  Result<RunSummary> run(TrainingObserver& observer);

  // What run() is made of, for measuring: the weights to the device, then a step at a time.
  Result<> stage() { return objective_->stage(weights_); }
  Result<StepReport> step();
  const Timers& timers() const { return objective_->timers(); }  // of the last step

  const model::Parameters& weights() const { return weights_; }
  const TrainerState& state() const { return state_; }

 private:
  explicit Trainer(TrainerSetup setup);
  Result<> open_data();
  Result<> create_objective(Device& device);
  Result<> update(StepReport& report);
  void load_window(int64_t b, int64_t begin);
  void next_batch();
  Result<> save(TrainingObserver& observer, bool planned);
  Result<> write(const std::string& path);
  Result<> keep(const Error& error);
  Result<> judge(CheckpointReport& report);
  Result<std::optional<double>> validate();

  TrainerSetup setup_;
  model::Parameters weights_, gradients_;
  Optimizer optimizer_;
  LossScaler scaler_;
  TrainerState state_;
  RunSummary summary_;
  std::optional<Sampler> sampler_;
  std::vector<int64_t> held_out_;  // where the validation windows begin; whole batches of them
  std::optional<CompactVocabulary> vocabulary_;
  std::unique_ptr<Objective> objective_;
  std::vector<int32_t> inputs_, targets_;
};

}  // namespace anemone::train
