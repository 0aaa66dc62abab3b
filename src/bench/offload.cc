#include "bench/offload.h"

#include "base/random.h"
#include "model/initialize.h"
#include "train/optimizer.h"

namespace anemone::bench {
namespace {

using train::Offload;
using train::Timer;

struct Batch {
  std::vector<int32_t> inputs, targets;
};

Batch random_batch(int64_t tokens, int64_t vocab) {
  Random random(1);
  Batch batch;
  for (int64_t t = 0; t < tokens; ++t) {
    batch.inputs.push_back(static_cast<int32_t>(random.below(static_cast<uint64_t>(vocab))));
    batch.targets.push_back(static_cast<int32_t>(random.below(static_cast<uint64_t>(vocab))));
  }
  return batch;
}

// A model in training, one update a step.
class Run {
 public:
  Run(std::unique_ptr<train::Pipeline> pipeline, const model::Config& config, Batch batch)
      : pipeline_(std::move(pipeline)),
        batch_(std::move(batch)),
        weights_(config),
        gradients_(config),
        optimizer_(config, {}) {
    model::initialize(weights_, config, 1);
  }

  Result<> start() { return pipeline_->stage(weights_); }

  Result<> step() {
    TRY(pipeline_->step(batch_.inputs, batch_.targets, 1, train::Into::assign, gradients_));
    pipeline_->finish();
    pipeline_->release();
    {
      const auto scope = pipeline_->timers().measure(Timer::adam);
      optimizer_.step(weights_, gradients_, {.rate = 1e-6f}, pipeline_.get());
    }
    return pipeline_->restage();
  }

  train::Timers& timers() { return pipeline_->timers(); }

 private:
  std::unique_ptr<train::Pipeline> pipeline_;
  Batch batch_;
  model::Parameters weights_, gradients_;
  train::Optimizer optimizer_;
};

Result<OffloadTiming> time_offload(Device& device, const model::Config& config, const OffloadOptions& o,
                                   Offload offload) {
  Run run(TRY(train::Pipeline::create(
              device, config,
              {.source = o.source, .offload = offload, .precision = o.precision, .batch = o.batch, .seq = o.seq})),
          config, random_batch(o.batch * o.seq, config.vocab));
  TRY(run.start());
  TRY(run.step());
  run.timers().clear();
  const train::Stopwatch watch;
  for (int64_t s = 0; s < o.steps; ++s) TRY(run.step());
  OffloadTiming timing{offload, watch.seconds() * 1e3 / static_cast<double>(o.steps)};
  for (size_t i = 0; i < timing.parts.size(); ++i) {
    timing.parts[i] = run.timers().milliseconds(static_cast<Timer>(i)) / static_cast<double>(o.steps);
  }
  return timing;
}

}  // namespace

Result<std::vector<OffloadTiming>> compare_offloads(Device& device, const model::Config& config,
                                                    const OffloadOptions& options) {
  std::vector<OffloadTiming> timings;
  for (Offload offload : {Offload::core, Offload::full}) {
    timings.push_back(TRY(time_offload(device, config, options, offload)));
  }
  return timings;
}

}  // namespace anemone::bench
