// The engine's elementwise arithmetic: operands decoded (number.h), the exact result rounded once. Infinity comes only
// from 65520 up; no sum or product of two halves is NaN. Source: 751K's study (M6).
//
//   combine(Combination::add, x, y)
#pragma once

#include <algorithm>

#include "device/sim/arithmetic/number.h"

namespace anemone::sim {

enum class Combination : uint8_t { add, sub, mul, maximum, minimum };

inline Half combine(Combination how, Half x, Half y) {
  const double a = decode(x), b = decode(y);
  switch (how) {
    case Combination::add:
      return half_away(a + b);  // a double holds the sum of any two halves, and their product
    case Combination::sub:
      return half_away(a - b);
    case Combination::mul:
      return half_away(a * b);
    case Combination::maximum:
      return half_away(std::max(a, b));
    case Combination::minimum:
      return half_away(std::min(a, b));
  }
  return {};
}

}  // namespace anemone::sim
