#include "bench/training_run.h"

#include <algorithm>

#include "base/random.h"
#include "bench/process.h"

namespace anemone::bench {
namespace {

std::unique_ptr<text::TokenFile> random_tokens(int64_t count, int64_t vocab) {
  Random random(1);
  std::vector<int32_t> ids(static_cast<size_t>(count));
  for (int32_t& id : ids) id = static_cast<int32_t>(random.below(static_cast<uint64_t>(vocab)));
  return std::make_unique<text::TokenFile>(text::TokenFile::in_memory(ids, vocab));
}

train::TrainOptions training_options(const model::Config& config, const TrainingRunOptions& o) {
  train::TrainOptions options = train::default_options(config);
  options.source = o.source;
  options.offload = o.offload;
  options.precision = o.precision;
  options.scaling = train::default_scaling(o.precision);
  options.batch = o.batch;
  options.seq = o.seq;
  options.validation = 0;
  return options;
}

TimedStep timed(const train::StepReport& report, const train::Timers& timers, int64_t page_faults) {
  TimedStep step{.total = report.milliseconds,
                 .parts = report.timers,
                 .programs = {},
                 .device = report.device,
                 .page_faults = page_faults};
  for (const auto& [name, nanoseconds] : timers.programs()) {
    step.programs[name] = static_cast<double>(nanoseconds) * 1e-6;
  }
  return step;
}

}  // namespace

const TimedStep& median_step(std::vector<TimedStep>& steps) {
  std::ranges::sort(steps, {}, &TimedStep::total);
  return steps[(steps.size() - 1) / 2];
}

Result<TrainingRun> TrainingRun::create(Device& device, const model::Config& config,
                                        const TrainingRunOptions& options) {
  TRY(train::validate(training_options(config, options)));
  TrainingRun run(random_tokens(std::max<int64_t>(1 << 16, 4 * options.seq), config.vocab));
  run.trainer_ = TRY(train::Trainer::create(
      device, {.config = config, .options = training_options(config, options), .tokens = run.tokens_.get()}));
  run.trainer_->initialize();
  return run;
}

Result<> TrainingRun::warm_up() {
  TRY(trainer_->stage());
  TRY(step());
  return {};
}

// One whose update was skipped is not what is to be timed.
Result<TimedStep> TrainingRun::step() {
  while (true) {
    const int64_t faults = page_faults();
    const train::StepReport report = TRY(trainer_->step());
    if (!report.skipped) return timed(report, trainer_->timers(), page_faults() - faults);
  }
}

}  // namespace anemone::bench
