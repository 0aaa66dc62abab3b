#include "device/sim/time/time_model.h"

#include <algorithm>
#include <cmath>

namespace anemone::sim {
namespace {

constexpr double kMilli = 1e-3, kMicro = 1e-6, kGiga = 1e9, kMega = 1e6;

std::chrono::nanoseconds nanoseconds(double seconds) { return std::chrono::nanoseconds(std::llround(seconds * kGiga)); }

// Multiply-adds a second, of all engines.
double product_rate(const ChipModel& chip, const Layer& layer) {
  double rate = chip.peak_flops() / 2 * *chip.product_share * *chip.engines_gain;
  if (layer.int8) rate *= layer.pointwise ? *chip.int8_gain_pointwise : *chip.int8_gain;
  if (layer.width3 && *chip.winograd == 1 && !layer.int8) rate *= 6.0 / 4;
  return rate;
}

double compute_time(const ChipModel& chip, const Layer& layer) {
  double seconds = layer.macs / product_rate(chip, layer);
  if (layer.elements > 0) {
    seconds += *chip.elementwise_us * kMicro + layer.elements / (*chip.elementwise_gops * kGiga);
  }
  return seconds;
}

// From 350 µs of work on, completion is noticed late; fully from 660 µs on (751K, M6).
double long_floor(const ChipModel& chip, double work) {
  return *chip.long_floor_ms * kMilli * std::clamp((work - 350e-6) / (660e-6 - 350e-6), 0.0, 1.0);
}

}  // namespace

double LayerTime::total() const { return std::max({compute, weights, activations}); }

double weight_stream(const ChipModel& chip, int64_t core_weight_bytes) {
  constexpr int64_t kStep = 1 << 20, kReach = 16 << 10;
  const int64_t multiple = (core_weight_bytes + kStep / 2) / kStep;
  const int64_t distance = std::abs(core_weight_bytes - multiple * kStep);
  const double recovered = multiple == 0 ? 1 : std::min(1.0, double(distance) / kReach);
  return *chip.weight_gbs * kGiga * (*chip.notch_share + (1 - *chip.notch_share) * recovered);
}

LayerTime layer_time(const ChipModel& chip, const Layer& layer) {
  const double streamed = double(layer.weight_bytes) * double(layer.tiles);
  const double moved = double(layer.input_bytes) + double(layer.output_bytes);
  return {.compute = compute_time(chip, layer),
          .weights = streamed / weight_stream(chip, layer.core_weight_bytes),
          .activations = moved / (*chip.activation_gbs * kGiga * *chip.engines_gain)};
}

Estimate estimate(const ChipModel& chip, std::span<const Layer> layers) {
  LayerTime sum;
  double work = 0;
  for (const Layer& layer : layers) {
    const LayerTime time = layer_time(chip, layer);
    sum.compute += time.compute;
    sum.weights += time.weights;
    sum.activations += time.activations;
    work += time.total();
  }
  const double floor = *chip.floor_ms * kMilli + long_floor(chip, work);
  return {.floor = nanoseconds(floor),
          .compute = nanoseconds(sum.compute),
          .weights = nanoseconds(sum.weights),
          .activations = nanoseconds(sum.activations),
          .total = nanoseconds(floor + work)};
}

Estimate evaluation_time(mil::Chip name, const mil::Function& function) {
  return estimate(chip(name), layers_of(function));
}

std::chrono::nanoseconds compile_time(const ChipModel& chip, std::span<const Layer> layers) {
  double megabytes = 0;
  for (const Layer& layer : layers) megabytes += double(layer.weight_bytes) / kMega;
  return nanoseconds(
      kMilli * (*chip.compile_ms + *chip.compile_op_ms * double(layers.size()) + *chip.compile_ms_per_mb * megabytes));
}

std::chrono::nanoseconds compile_time(mil::Chip name, const mil::Function& function) {
  return compile_time(chip(name), layers_of(function));
}

std::chrono::nanoseconds load_time(const ChipModel& chip, bool first_of_process) {
  return nanoseconds((first_of_process ? *chip.first_load_ms : *chip.load_ms) * kMilli);
}

std::chrono::nanoseconds wake_time(const ChipModel& chip, std::chrono::nanoseconds idle) {
  const double milliseconds = double(idle.count()) * 1e-6;
  if (milliseconds >= *chip.idle_ms) return nanoseconds(*chip.wake_ms * kMilli);
  return nanoseconds(milliseconds >= 100 ? *chip.doze_ms * kMilli : 0);
}

}  // namespace anemone::sim
