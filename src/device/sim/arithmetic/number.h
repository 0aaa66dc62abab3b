// The engine's half: 65536 patterns, all of them numbers. Exponent 31 is an exponent like any other, so that what IEEE
// reads as infinity is 65536 and NaNs are more; there is one zero. Rounding to a half is to nearest, ties away from
// zero. Source: 751K's study (M4, M6); fits ANEForge's error norms on M1 to M6.
//
//   decode(Half{0x7C00})                  // 65536
//   half_away(2049)                       // 2050
#pragma once

#include <cmath>

#include "base/half.h"

namespace anemone::sim {

inline constexpr Half kInfinity{0x7C00};

inline bool is_negative(Half h) { return h.bits >> 15 != 0; }
inline Half magnitude(Half h) { return {uint16_t(h.bits & 0x7FFF)}; }
inline Half with_sign(Half magnitude, bool negative) { return {uint16_t(magnitude.bits | int{negative} << 15)}; }

// Unbiased; subnormals count as of exponent -14.
inline int exponent(Half h) {
  const int field = h.bits >> 10 & 31;
  return field == 0 ? -14 : field - 15;
}

inline double decode(Half h) {
  const int field = h.bits >> 10 & 31, mantissa = h.bits & 1023;
  const double magnitude = std::ldexp(field == 0 ? mantissa : 1024 + mantissa, exponent(h) - 10);
  return is_negative(h) && magnitude != 0 ? -magnitude : magnitude;
}

// To nearest, ties away from zero; -0 becomes +0, magnitudes from 65520 up become infinity.
inline Half half_away(double value) {
  const double size = std::fabs(value);
  if (size >= 65520) return with_sign(kInfinity, value < 0);
  const int e = size < 0x1p-14 ? -14 : std::ilogb(size);
  // In units of 2^(e-10): a carry walks into the exponent's field.
  const auto units = static_cast<int>(std::round(std::ldexp(size, 10 - e)));
  const int field = units < 1024 ? 0 : e + 14;
  return with_sign({uint16_t(units + (field << 10))}, value < 0 && units > 0);
}

}  // namespace anemone::sim
