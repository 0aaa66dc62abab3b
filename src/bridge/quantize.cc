#include "bridge/quantize.h"

#include <algorithm>
#include <cmath>

namespace anemone::bridge {
namespace {

constexpr float kLargest = 127;

float scale_of(std::span<const float> channel) {
  float largest = 0;
  for (const float weight : channel) largest = std::max(largest, std::abs(weight));
  const float scale = largest / kLargest;
  return scale == 0 ? 1 : scale;
}

}  // namespace

Result<Quantized> quantize(std::span<const float> weights, size_t channels) {
  const auto strange = std::ranges::find_if(weights, [](float weight) { return !std::isfinite(weight); });
  if (strange != weights.end()) {
    return fail("weight {} is {}, which int8 cannot hold", strange - weights.begin(), *strange);
  }
  Quantized quantized;
  quantized.values.reserve(weights.size());
  const size_t length = weights.size() / channels;
  for (size_t i = 0; i < channels; ++i) {
    const std::span<const float> channel = weights.subspan(i * length, length);
    const float scale = scale_of(channel);
    quantized.scales.push_back(scale);
    for (const float weight : channel) {
      // A subnormal scale is rounded so coarsely that quotients leave the range.
      const float q = std::clamp(std::round(weight / scale), -kLargest, kLargest);
      quantized.values.push_back(static_cast<int8_t>(q));
    }
  }
  return quantized;
}

}  // namespace anemone::bridge
