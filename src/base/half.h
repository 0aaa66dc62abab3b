// IEEE 754 binary16 and bfloat16 as storage types; arithmetic happens in float or double.
//
//   Half h = Half::from(0.1);        // rounded once, to nearest, ties to even
//   float x = h.value();
#pragma once

#include <bit>
#include <cstdint>
#include <span>

namespace anemone {

struct Half {
  uint16_t bits = 0;

  static Half from(double value);  // NaN stays NaN; magnitudes from 65520 up become infinity
  // The exponent and mantissa as a float's, whose exponent counts from 127 instead of 15: exact for subnormals too.
  float value() const {
    const uint32_t magnitude = uint32_t{bits} & 0x7FFF, sign = uint32_t{bits} >> 15 << 31;
    if (magnitude >= 0x7C00) return std::bit_cast<float>(sign | 0x7F800000 | magnitude << 13);
    return std::bit_cast<float>(sign | std::bit_cast<uint32_t>(std::bit_cast<float>(magnitude << 13) * 0x1p112f));
  }
  bool operator==(const Half&) const = default;  // the same bits
};

struct BFloat16 {
  uint16_t bits = 0;

  static BFloat16 from(float value);
  float value() const { return std::bit_cast<float>(uint32_t{bits} << 16); }
};

// Bulk conversions, vectorised for the machine. Source and destination have equal length.
void to_float(std::span<const Half> from, float* to);
void to_half(std::span<const float> from, Half* to);
void to_bfloat16(std::span<const float> from, BFloat16* to);

// Rounds each value to the nearest half / bfloat16 in place, keeping it as float.
void round_to_half(std::span<float> values);
void round_to_bfloat16(std::span<float> values);

}  // namespace anemone
