// Where a step's time goes, and how many operations it takes.
//
//   Timers timers;
//   { auto scope = timers.measure(Timer::io); call.write("x", x); }
//   timers.add_program("fwdAttn", watch.nanoseconds());                  // and to Timer::ane
//   if (run.device) timers.add_device(*run.device, run.modelled);        // by the device's own clock, where it has one
//   fmt::print("ane={:.1f}", timers.milliseconds(Timer::ane) / steps);
//
// Timers may be fed from several threads at once; those of a queue beside the step (dw) overlap the others.
#pragma once

#include <array>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "model/config.h"

namespace anemone::train {

enum class Timer {
  ane,         // programs running on the device
  io,          // activations written to and read from surfaces
  cls,         // classifier products
  elem,        // lookup, residuals, loss and other elementwise work
  rms,         // norms
  cblas_wait,  // waiting for weight gradients
  dw,          // weight gradients, on their own queue
  adam,        // the optimizer
  stage,       // weights written to surfaces
  compile,     // programs compiled
};
inline constexpr std::array<std::string_view, 10> kTimerNames = {"ane",        "io", "cls",  "elem",  "rms",
                                                                 "cblas_wait", "dw", "adam", "stage", "compile"};

class Stopwatch {
 public:
  int64_t nanoseconds() const {
    return std::chrono::duration_cast<std::chrono::nanoseconds>(Clock::now() - start_).count();
  }
  double seconds() const { return static_cast<double>(nanoseconds()) * 1e-9; }

 private:
  using Clock = std::chrono::steady_clock;
  Clock::time_point start_ = Clock::now();
};

// What programs took by the device's own clock, which some devices have: a hardware counter, or a model of its time.
struct DeviceTime {
  double milliseconds = 0;
  bool modelled = false;
};
inline void add(std::optional<DeviceTime>& total, const std::optional<DeviceTime>& time) {
  if (time) total = DeviceTime{(total ? total->milliseconds : 0) + time->milliseconds, time->modelled};
}

class Timers {
 public:
  // Adds the time until its end to one timer.
  class Scope {
   public:
    Scope(Timers& timers, Timer timer) : timers_(timers), timer_(timer) {}
    ~Scope() { timers_.add(timer_, watch_.nanoseconds()); }
    Scope(const Scope&) = delete;
    Scope& operator=(const Scope&) = delete;

   private:
    Timers& timers_;
    Timer timer_;
    Stopwatch watch_;
  };

  [[nodiscard]] Scope measure(Timer timer) { return Scope(*this, timer); }
  void add(Timer timer, int64_t nanoseconds) { at(timer) += nanoseconds; }
  // A run of a program; all of them are run by one thread.
  void add_program(const std::string& name, int64_t nanoseconds) {
    add(Timer::ane, nanoseconds);
    programs_[name] += nanoseconds;
  }
  // The same run by the device's own clock.
  void add_device(std::chrono::nanoseconds time, bool modelled) {
    train::add(device_, DeviceTime{static_cast<double>(time.count()) * 1e-6, modelled});
  }
  const std::optional<DeviceTime>& device() const { return device_; }  // none where the device has no clock
  int64_t nanoseconds(Timer timer) const { return totals_[static_cast<size_t>(timer)]; }
  double milliseconds(Timer timer) const { return static_cast<double>(nanoseconds(timer)) * 1e-6; }
  // By name, the nanoseconds of those that have ever run.
  const std::map<std::string, int64_t>& programs() const { return programs_; }
  void clear() {
    for (auto& total : totals_) total = 0;
    for (auto& [name, total] : programs_) total = 0;
    device_.reset();
  }

 private:
  std::atomic<int64_t>& at(Timer timer) { return totals_[static_cast<size_t>(timer)]; }
  std::array<std::atomic<int64_t>, kTimerNames.size()> totals_{};
  std::map<std::string, int64_t> programs_;
  std::optional<DeviceTime> device_;
};

// Operations of one micro-step over `tokens` = batch·S positions, multiplications and additions, counted as the seed
// counts them: the forward attention products are left out, the five of its backward are in.
struct StepFlops {
  int64_t forward = 0;      // all linear maps of the blocks
  int64_t backward_dx = 0;  // their input gradients
  int64_t backward_dw = 0;  // their weight gradients
  int64_t attention = 0;    // five [S, S]·h products a head, in the backward pass
  int64_t classifier = 0;   // one product; forward, input and weight gradient make three

  int64_t total() const { return forward + backward_dx + backward_dw + attention + 3 * classifier; }
  // What the device does: blocks forward and backward, and the forward classifier where that is offloaded.
  int64_t on_device(bool with_classifier) const {
    return forward + backward_dx + attention + (with_classifier ? classifier : 0);
  }
};
StepFlops step_flops(const model::Config& config, int64_t batch, int64_t seq);

}  // namespace anemone::train
