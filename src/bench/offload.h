// What moving norms, classifier and softmax to the device gains: the seed's comparison of `train_large` with
// `train_large_ane`, on any device.
//
//   std::vector<OffloadTiming> timings = TRY(compare_offloads(*device, config, {.batch = 4}, /*steps=*/10));
//
// The first step is not counted.
#pragma once

#include <array>
#include <vector>

#include "bench/training_run.h"

namespace anemone::bench {

struct OffloadTiming {
  train::Offload offload;
  TimedStep step;  // the median
};

// Core offload, then full.
Result<std::vector<OffloadTiming>> compare_offloads(Device& device, const model::Config& config,
                                                    TrainingRunOptions options, int64_t steps);

// A step of the seed's train_large on an M4, ms: its components and all of it (seed guide, rows S81 to S86). They leave
// 67 ms of backward pass unlisted.
struct PublishedPart {
  train::Timer timer;
  double milliseconds;
};
inline constexpr std::array<PublishedPart, 5> kPublishedParts{{{train::Timer::ane, 9.6},
                                                               {train::Timer::io, 4.1},
                                                               {train::Timer::cls, 9.1},
                                                               {train::Timer::elem, 14.4},
                                                               {train::Timer::rms, 0.1}}};
inline constexpr double kPublishedTotal = 107;

}  // namespace anemone::bench
