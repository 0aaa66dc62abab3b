#include "bench/offload.h"

namespace anemone::bench {

using train::Offload;

Result<std::vector<OffloadTiming>> compare_offloads(Device& device, const model::Config& config,
                                                    TrainingRunOptions options, int64_t steps) {
  std::vector<OffloadTiming> timings;
  for (const Offload offload : {Offload::core, Offload::full}) {
    options.offload = offload;
    TrainingRun run = TRY(TrainingRun::create(device, config, options));
    TRY(run.warm_up());
    std::vector<TimedStep> timed;
    for (int64_t s = 0; s < steps; ++s) timed.push_back(TRY(run.step()));
    timings.push_back({offload, median_step(timed)});
  }
  return timings;
}

}  // namespace anemone::bench
