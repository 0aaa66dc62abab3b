// One-dimensional Winograd F(2, 3) along the width, as M5 and M6 compute convolutions of width 3: two results from four
// products instead of six. M1 to M4 compute them directly. Inferred from ANEForge's error norms, which are met exactly
// at 64 to 256 channels.
//
//   u = transformed_kernel(g0, g1, g2);   v = transformed_pixels(d0, d1, d2, d3);
//   m[j] = Σ v[j]·u[j] over channels and kernel rows, in the accumulator;   y[2t] = even(m), y[2t + 1] = odd(m)
#pragma once

#include <array>

#include "device/sim/arithmetic/accumulator.h"

namespace anemone::sim {

using Four = std::array<Half, 4>;

inline Four transformed_kernel(Half h0, Half h1, Half h2) {
  const double g0 = decode(h0), g1 = decode(h1), g2 = decode(h2);
  return {half_away(g0), half_away((g0 + g1 + g2) / 2), half_away((g0 - g1 + g2) / 2), half_away(g2)};
}

inline Four transformed_pixels(Half h0, Half h1, Half h2, Half h3) {
  const double d0 = decode(h0), d1 = decode(h1), d2 = decode(h2), d3 = decode(h3);
  return {half_away(d0 - d2), half_away(d1 + d2), half_away(d2 - d1), half_away(d1 - d3)};
}

// a + b + c of sums in units; one that overflowed is the result (Choice::winograd_overflow).
inline Half settled(double a, double b, double c) {
  for (double sum : {a, b, c}) {
    if (std::isinf(sum)) return half_away(sum);
  }
  return half_away((a + b + c) * kUnit);
}
inline Half even(double m0, double m1, double m2) { return settled(m0, m1, m2); }
inline Half odd(double m1, double m2, double m3) { return settled(m1, -m2, -m3); }

}  // namespace anemone::sim
