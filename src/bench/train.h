// A training step against the machine's limit.
//
//   TrainReport report = TRY(bench_train(*device, config, {.precision = Precision::bf16}, {.steps = 10}));
//   report.fraction_of_limit();                       // 1: nothing but the products and the optimizer's memory
//
// The limit is measured between the steps, so that both see the same machine; of each the best counts, for what else
// runs there only adds time.
#pragma once

#include <string>
#include <vector>

#include "bench/limit.h"
#include "bench/process.h"
#include "bench/training_run.h"

namespace anemone::bench {

struct TrainReport {
  model::Config config;
  TrainingRunOptions options;
  std::vector<TimedStep> steps{};  // ascending by time
  std::vector<Limit::Entry> products{};
  double product_seconds = 0, optimizer_seconds = 0;  // of the limit
  Bandwidth bandwidth{};
  ResidentMemory resident{};  // with the model in training, without what the limit takes

  const TimedStep& best() const { return steps.front(); }
  const TimedStep& median() const { return steps[(steps.size() - 1) / 2]; }
  double tokens_per_second() const;  // of the median
  double limit_milliseconds() const { return (product_seconds + optimizer_seconds) * 1e3; }
  double fraction_of_limit() const { return limit_milliseconds() / best().total; }
  int64_t page_faults() const;  // of all steps
};

Result<TrainReport> bench_train(Device& device, const model::Config& config, const TrainingRunOptions& options,
                                int64_t steps);

// Where a step's time goes, in milliseconds; together they are the step.
struct StepShares {
  double programs = 0;           // running on the device
  double host = 0;               // norms, classifier, loss, weight gradients, copies in and out
  double optimizer = 0;          // norm, clipping, AdamW; what programs take of the new weights meanwhile
  double weights_to_device = 0;  // the rest: staged, reloaded or compiled
  double waiting = 0;            // for weight gradients
  double other = 0;              // what no timer sees
};
StepShares shares_of(const TimedStep& step);

// For machines; docs/benchmarks.md says what each field is.
std::string to_json(const TrainReport& report, const DeviceInfo& device);

}  // namespace anemone::bench
