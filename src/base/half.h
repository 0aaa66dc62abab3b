// IEEE 754 binary16 and bfloat16 as storage types; arithmetic happens in float or double.
//
//   Half h = Half::from(0.1);        // rounded once, to nearest, ties to even
//   float x = h.value();
#pragma once

#include <cstdint>
#include <cstring>
#include <span>

namespace anemone {

struct Half {
  uint16_t bits = 0;

  static Half from(double value);  // NaN stays NaN; magnitudes from 65520 up become infinity
  float value() const;
};

struct BFloat16 {
  uint16_t bits = 0;

  static BFloat16 from(float value);
  float value() const {
    uint32_t word = uint32_t{bits} << 16;
    float result;
    std::memcpy(&result, &word, sizeof result);
    return result;
  }
};

// Bulk conversions, vectorised for the machine. Source and destination have equal length.
void to_float(std::span<const Half> from, float* to);
void to_half(std::span<const float> from, Half* to);
void to_bfloat16(std::span<const float> from, BFloat16* to);

// Rounds each value to the nearest half / bfloat16 in place, keeping it as float.
void round_to_half(std::span<float> values);
void round_to_bfloat16(std::span<float> values);

}  // namespace anemone
