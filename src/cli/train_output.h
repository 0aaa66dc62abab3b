// What `anemone train` shows: the seed's lines in plain output, one rewritten line on a terminal, a JSONL log.
#pragma once

#include <memory>
#include <string>

#include "cli/train_log.h"
#include "train/trainer.h"

namespace anemone::cli {

class TrainOutput final : public train::TrainingObserver {
 public:
  // `log`: the path of a TrainLog; empty for none. A resumed run appends to it.
  static Result<std::unique_ptr<TrainOutput>> create(RunDescription run, const std::string& log);
  ~TrainOutput() override;

  // The seed's lines of configuration. From here on the log tells of the run, and who reads it may send signals.
  void begin();
  void on_step(const train::StepReport& report) override;
  void on_checkpoint(const train::CheckpointReport& report) override;
  bool wants_stop() override;
  bool wants_save() override;
  // The seed's Efficiency Report, of this process's steps.
  void end(const train::RunSummary& summary);
  // For the log; who prints it is another.
  void failed(const Error& error);

 private:
  // Means over the steps since the last line that was shown.
  struct Window {
    int64_t steps = 0;
    double milliseconds = 0;
    std::array<double, train::kTimerNames.size()> timers{};
    std::optional<train::DeviceTime> device{};
  };

  TrainOutput(RunDescription run, std::unique_ptr<TrainLog> log);
  bool due(const train::StepReport& report) const;
  void show_line(const train::StepReport& report);
  void show_components() const;
  void show_utilization(const train::RunSummary& summary, double device_flops, double host_ms) const;
  void show_progress(const train::StepReport& report);
  void pause(int64_t step);

  RunDescription run_;
  std::unique_ptr<TrainLog> log_;  // null: none
  bool terminal_;
  Window window_;
  double smoothed_ms_ = 0;
};

// What signals ask of a run takes place after its step: SIGINT (Ctrl-C) and SIGTERM that it stops, SIGTSTP (Ctrl-Z)
// that it stands still until SIGCONT, SIGUSR1 that it saves a checkpoint. A second SIGINT or SIGTERM ends the process,
// as does one before the run begins. To be called before there are other threads: none of them may run a handler, for
// oneDNN's products keep other things than a stack where a handler would write its frame (rsp is one more register).
void listen_to_signals();

}  // namespace anemone::cli
