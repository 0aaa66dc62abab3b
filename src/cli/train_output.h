// What `anemone train` shows: the seed's lines in plain output, one rewritten line on a terminal, a JSONL log.
#pragma once

#include <cstdio>
#include <memory>
#include <string>

#include "device/device.h"
#include "train/trainer.h"

namespace anemone::cli {

struct RunDescription {
  model::Config config;
  train::TrainOptions options;
  DeviceInfo device;
  int64_t tokens = 0;
  int64_t token_bytes = 0;
  int64_t resumed_at = 0;
  double resumed_loss = 0;
};

class TrainOutput final : public train::TrainingObserver {
 public:
  // `log`: a path for one JSON object a step; empty for none. A resumed run appends to it.
  static Result<std::unique_ptr<TrainOutput>> create(RunDescription run, const std::string& log);
  ~TrainOutput() override;

  void banner() const;
  void on_step(const train::StepReport& report) override;
  void on_checkpoint(const train::CheckpointReport& report) override;
  bool wants_stop() override;
  // The seed's Efficiency Report, of this process's steps.
  void summary(const train::RunSummary& summary) const;

 private:
  // Means over the steps since the last line that was shown.
  struct Window {
    int64_t steps = 0;
    double milliseconds = 0;
    std::array<double, train::kTimerNames.size()> timers{};
    std::optional<train::DeviceTime> device{};
  };

  TrainOutput(RunDescription run, std::FILE* log);
  bool due(const train::StepReport& report) const;
  void show_line(const train::StepReport& report);
  void show_components() const;
  void show_utilization(const train::RunSummary& summary, double device_flops, double host_ms) const;
  void show_progress(const train::StepReport& report);
  void write_log(const train::StepReport& report);

  RunDescription run_;
  std::FILE* log_;
  bool terminal_;
  Window window_;
  double smoothed_ms_ = 0;
};

// Ctrl-C and SIGTERM ask the run to stop after its step; a second one ends the process.
void stop_on_signals();

}  // namespace anemone::cli
