#include "dashboard/run.h"

#include <algorithm>
#include <cmath>

namespace anemone::dashboard {
namespace {

double compile_time(const StepRecord& step) { return step.timers[static_cast<size_t>(train::Timer::compile)]; }

// A sum in which what is no number counts nothing.
void add(double& sum, double value) {
  if (std::isfinite(value)) sum += value;
}

}  // namespace

std::string_view to_string(Status status) {
  constexpr std::array<std::string_view, 7> kNames = {"waiting", "running", "paused", "finished",
                                                      "stopped", "failed",  "died"};
  return kNames[static_cast<size_t>(status)];
}

void Run::take(const Record& record) {
  std::visit([&](const auto& r) { take_record(r); }, record);
}

void Run::declare_dead(std::string why) {
  status_ = Status::died;
  error_ = std::move(why);
}

std::optional<int64_t> Run::steps_planned() const {
  return description_ && description_->steps > 0 ? std::optional(description_->steps) : std::nullopt;
}

void Run::take_record(const RunRecord& run) {
  description_ = run;
  status_ = Status::running;
  error_.clear();
  latest_.clear();
  go_back_to(run.first_step);
}

// Steps from `step` on are void: they will be done again.
void Run::go_back_to(int64_t step) {
  done_ = step;
  for (Series& series : series_) series.drop_from(step);
  for (Series& series : components_) series.drop_from(step);
  while (!latest_.empty() && latest_.back().step >= step) latest_.pop_back();
  while (!checkpoints_.empty() && checkpoints_.back().step > step) checkpoints_.pop_back();
  if (newest_ && newest_->step >= step) newest_.reset();
  if (best_ && best_->step >= step) best_.reset();
  if (best_validation_ && best_validation_->step > step) best_validation_.reset();
  if (step == 0) trained_ms_ = compiled_ms_ = 0;
}

void Run::take_record(const StepRecord& step) {
  if (newest_ && step.step <= newest_->step) go_back_to(step.step);
  if (status_ != Status::paused || step.step >= done_) status_ = Status::running;
  newest_ = step;
  done_ = step.step + 1;
  latest_.push_back(step);
  if (latest_.size() > kSpeedSteps) latest_.pop_front();
  add(trained_ms_, step.milliseconds - compile_time(step));
  add(compiled_ms_, compile_time(step));
  if (std::isfinite(step.loss) && (!best_ || step.loss < best_->loss)) best_ = Best{step.step, step.loss};

  const double before = at(Quantity::smoothed_loss).newest().value_or(step.loss);
  at(Quantity::loss).add(step.step, step.loss);
  at(Quantity::smoothed_loss).add(step.step, kSmoothing * before + (1 - kSmoothing) * step.loss);
  at(Quantity::rate).add(step.step, step.rate);
  at(Quantity::milliseconds).add(step.step, step.milliseconds);
  if (step.norm) at(Quantity::norm).add(step.step, *step.norm);
  if (step.device) at(Quantity::device_milliseconds).add(step.step, step.device->milliseconds);
  const double seconds = step.milliseconds / 1e3;
  if (seconds > 0 && step.tokens > 0) {
    at(Quantity::tokens_per_second).add(step.step, static_cast<double>(step.tokens) / seconds);
  }
  for (size_t i = 0; i < components_.size(); ++i) components_[i].add(step.step, step.timers[i]);
}

void Run::take_record(const CheckpointRecord& checkpoint) {
  checkpoints_.push_back(checkpoint);
  if (checkpoints_.size() > kMostCheckpoints) checkpoints_.pop_front();
  const auto& loss = checkpoint.validation;
  if (loss && (!best_validation_ || *loss < best_validation_->loss)) best_validation_ = Best{checkpoint.step, *loss};
}

void Run::take_record(const PauseRecord& pause) { status_ = pause.paused ? Status::paused : Status::running; }

void Run::take_record(const EndRecord& end) { status_ = end.finished ? Status::finished : Status::stopped; }

void Run::take_record(const ErrorRecord& error) {
  status_ = Status::failed;
  error_ = error.message;
}

Speed Run::speed() const {
  Speed speed;
  double ms = 0, tokens = 0;
  for (const StepRecord& step : latest_) {
    add(ms, step.milliseconds);
    tokens += static_cast<double>(step.tokens);
    train::add(speed.device, step.device);
    for (size_t i = 0; i < step.timers.size(); ++i) add(speed.components[i], step.timers[i]);
  }
  if (!(ms > 0)) return {};
  const auto steps = static_cast<double>(latest_.size());
  speed.milliseconds = ms / steps;
  speed.steps_per_second = 1e3 * steps / ms;
  speed.tokens_per_second = 1e3 * tokens / ms;
  for (double& component : speed.components) component /= steps;
  if (speed.device) speed.device->milliseconds /= steps;
  if (!description_) return speed;
  speed.device_tflops = description_->device_flops / (speed.milliseconds * 1e9);
  speed.total_tflops = description_->flops / (speed.milliseconds * 1e9);
  const double clock = speed.device ? speed.device->milliseconds : speed.milliseconds;
  if (const auto peak = description_->device_peak_flops; peak && *peak > 0 && clock > 0) {
    speed.utilization = description_->device_flops / (clock * 1e-3) / *peak;
  }
  return speed;
}

std::optional<double> Run::seconds_left() const {
  const double ms = speed().milliseconds;
  const auto planned = steps_planned();
  if (status_ != Status::running || !planned || !(ms > 0)) return std::nullopt;
  return static_cast<double>(std::max<int64_t>(*planned - done_, 0)) * ms / 1e3;
}

}  // namespace anemone::dashboard
