// Weights as int8 with a scale for each channel, or for all.
//
//   Quantized q = TRY(quantize(w, rows));      // w[i] is about q.values[i] * q.scales[i / cols]
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "base/result.h"

namespace anemone::bridge {

struct Quantized {
  std::vector<int8_t> values;  // round(x / scale), ties away from zero
  std::vector<float> scales;   // max|x| / 127 of each channel, or 1 where this is zero
};

// `channels` runs of equal length, one after another. An error where a weight is infinite or no number.
Result<Quantized> quantize(std::span<const float> weights, size_t channels);

}  // namespace anemone::bridge
