// What moving norms, classifier and softmax to the device gains: the seed's comparison of `train_large` with
// `train_large_ane`, on any device.
//
//   std::vector<OffloadTiming> timings = TRY(compare_offloads(*device, config, {.steps = 10}));
//
// Random weights and tokens; AdamW after each step; the first step is not counted.
#pragma once

#include <array>
#include <string>
#include <vector>

#include "device/device.h"
#include "train/pipeline.h"

namespace anemone::bench {

struct OffloadOptions {
  model::WeightSource source = model::WeightSource::baked;
  Precision precision = Precision::fp32;  // of the device
  int64_t batch = 1;
  int64_t seq = 256;
  int64_t steps = 5;
};

// Milliseconds a step.
struct OffloadTiming {
  train::Offload offload;
  double total = 0;
  std::array<double, train::kTimerNames.size()> parts{};

  double part(train::Timer timer) const { return parts[static_cast<size_t>(timer)]; }
};

// Core offload, then full.
Result<std::vector<OffloadTiming>> compare_offloads(Device& device, const model::Config& config,
                                                    const OffloadOptions& options);

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
