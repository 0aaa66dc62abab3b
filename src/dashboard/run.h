// The state of one run, from the records of its log.
//
//   Run run;
//   run.take(record);
//   run.series(Quantity::loss).range(0, run.steps_done(), 200);
//   run.speed().tokens_per_second;
//
// A resumed run goes on: steps that it does again replace those done before. Memory is bounded.
#pragma once

#include <array>
#include <deque>
#include <optional>
#include <string>
#include <string_view>

#include "dashboard/log.h"
#include "dashboard/series.h"

namespace anemone::dashboard {

enum class Status {
  waiting,  // nothing has been logged yet
  running,
  paused,
  finished,  // all steps are done
  stopped,   // it was asked to
  failed,    // with an error of its own
  died,      // without a word in the log
};
std::string_view to_string(Status status);

// What is kept of every step.
enum class Quantity { loss, smoothed_loss, rate, norm, milliseconds, tokens_per_second, device_milliseconds };
inline constexpr std::array<std::string_view, 7> kQuantityNames = {"loss", "smoothed_loss",     "lr",       "grad_norm",
                                                                   "ms",   "tokens_per_second", "device_ms"};

// Means over the newest steps, at most kSpeedSteps of them.
struct Speed {
  double milliseconds = 0;  // a step, by the host's clock; 0: no step yet
  double steps_per_second = 0, tokens_per_second = 0;
  std::array<double, train::kTimerNames.size()> components{};  // milliseconds a step, by train::Timer
  std::optional<train::DeviceTime> device{};                   // a step
  // 1e12 operations a second by the host's clock; 0: the log does not tell the operations.
  double device_tflops = 0, total_tflops = 0;
  // Of the device's peak, where that is known: by its own clock where it has one (then `device` says whether it is
  // modelled), else the host's.
  std::optional<double> utilization{};
};

class Run {
 public:
  static constexpr size_t kSpeedSteps = 20, kMostCheckpoints = 100;
  static constexpr double kSmoothing = 0.95;  // of the loss: the weight of what was before

  void take(const Record& record);
  // Whoever wrote the log is gone without saying that the run ended; `why`: exit status, last words.
  void declare_dead(std::string why);

  Status status() const { return status_; }
  const std::string& error() const { return error_; }                           // of a run that failed or died
  const std::optional<RunRecord>& description() const { return description_; }  // logs of old have none
  const std::optional<StepRecord>& newest() const { return newest_; }           // step
  int64_t steps_done() const { return done_; }
  std::optional<int64_t> steps_planned() const;

  const Series& series(Quantity quantity) const { return series_[static_cast<size_t>(quantity)]; }
  const Series& component(train::Timer timer) const { return components_[static_cast<size_t>(timer)]; }
  Speed speed() const;

  struct Best {
    int64_t step = 0;
    double loss = 0;
  };
  const std::optional<Best>& best() const { return best_; }                         // the lowest loss of a step
  const std::optional<Best>& best_validation() const { return best_validation_; }   // of a checkpoint
  const std::deque<CheckpointRecord>& checkpoints() const { return checkpoints_; }  // the newest, oldest first

  double trained_seconds() const { return trained_ms_ / 1e3; }    // of all steps logged, without compiling
  double compiled_seconds() const { return compiled_ms_ / 1e3; }  // between them
  std::optional<double> seconds_left() const;                     // while it runs

 private:
  void take_record(const RunRecord& run);
  void take_record(const StepRecord& step);
  void take_record(const CheckpointRecord& checkpoint);
  void take_record(const PauseRecord& pause);
  void take_record(const EndRecord& end);
  void take_record(const ErrorRecord& error);
  void go_back_to(int64_t step);
  Series& at(Quantity quantity) { return series_[static_cast<size_t>(quantity)]; }

  Status status_ = Status::waiting;
  std::string error_;
  std::optional<RunRecord> description_;
  std::optional<StepRecord> newest_;
  int64_t done_ = 0;
  std::array<Series, kQuantityNames.size()> series_;
  std::array<Series, train::kTimerNames.size()> components_;
  std::deque<StepRecord> latest_;  // what speed() is the mean of
  std::optional<Best> best_, best_validation_;
  std::deque<CheckpointRecord> checkpoints_;
  double trained_ms_ = 0, compiled_ms_ = 0;
};

}  // namespace anemone::dashboard
