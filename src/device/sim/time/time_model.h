// How long a program takes on the engine: modelled, never measured here.
//
//   Estimate e = evaluation_time(mil::Chip::m4, function);      // e.total: one warm evaluation
//   std::chrono::nanoseconds c = compile_time(mil::Chip::m4, function);
//
//   t = floor + Σ over layers max(multiply-adds / rate, weight bytes / weight stream, activation bytes / their stream)
//
// docs/sim.md sets what it predicts beside what was published.
#pragma once

#include <chrono>
#include <span>

#include "device/sim/time/chip.h"
#include "device/sim/time/layers.h"

namespace anemone::sim {

// Of one layer, in seconds. What takes longest hides the rest.
struct LayerTime {
  double compute = 0, weights = 0, activations = 0;

  double total() const;
};
LayerTime layer_time(const ChipModel& chip, const Layer& layer);

// One warm evaluation. The parts are sums over all layers, each as if it were alone: they may exceed the total.
struct Estimate {
  std::chrono::nanoseconds floor{}, compute{}, weights{}, activations{};
  std::chrono::nanoseconds total{};
};
Estimate estimate(const ChipModel& chip, std::span<const Layer> layers);
Estimate evaluation_time(mil::Chip chip, const mil::Function& function);

// Weights per second, where one core's share of them is so large. The prefetch stalls at multiples of 1 MiB and
// recovers linearly within 16 KiB (stablehlo-coreml #110, after E. Yoon).
double weight_stream(const ChipModel& chip, int64_t core_weight_bytes);

std::chrono::nanoseconds compile_time(const ChipModel& chip, std::span<const Layer> layers);
std::chrono::nanoseconds compile_time(mil::Chip chip, const mil::Function& function);
std::chrono::nanoseconds load_time(const ChipModel& chip, bool first_of_process = false);
// What the first evaluation takes beyond a warm one after so long without work.
std::chrono::nanoseconds wake_time(const ChipModel& chip, std::chrono::nanoseconds idle);

}  // namespace anemone::sim
