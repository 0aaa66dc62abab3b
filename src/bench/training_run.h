// Steps of training, timed: the trainer's own, on random weights and tokens.
//
//   TrainingRun run = TRY(TrainingRun::create(*device, config, {.precision = Precision::bf16}));
//   TRY(run.warm_up());
//   for (int i = 0; i < 10; ++i) steps.push_back(TRY(run.step()));
//   const TimedStep& step = median_step(steps);
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "train/trainer.h"

namespace anemone::bench {

struct TrainingRunOptions {
  model::WeightSource source = model::WeightSource::baked;
  train::Offload offload = train::Offload::core;
  Precision precision = Precision::fp32;
  int64_t batch = 1;
  int64_t seq = 256;
};

// Milliseconds, but for the faults.
struct TimedStep {
  double total = 0;
  std::array<double, train::kTimerNames.size()> parts{};
  std::map<std::string, double> programs;     // what makes up Timer::ane, by the kernels' names
  std::optional<train::DeviceTime> device{};  // the same by the device's own clock, where it has one
  int64_t page_faults = 0;                    // those that needed no reading from a disk

  double part(train::Timer timer) const { return parts[static_cast<size_t>(timer)]; }
};

const TimedStep& median_step(std::vector<TimedStep>& steps);  // sorts them by their time

// Every step ends with an update: clipping, AdamW, the new weights to the device.
class TrainingRun {
 public:
  static Result<TrainingRun> create(Device& device, const model::Config& config, const TrainingRunOptions& options);

  // The weights to the device and a step, or as many as the loss scale needs to find its level.
  Result<> warm_up();
  Result<TimedStep> step();

 private:
  explicit TrainingRun(std::unique_ptr<text::TokenFile> tokens) : tokens_(std::move(tokens)) {}

  std::unique_ptr<text::TokenFile> tokens_;
  std::unique_ptr<train::Trainer> trainer_;
};

}  // namespace anemone::bench
