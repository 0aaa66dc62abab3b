// The engine's sum of products, in signed fixed point with 16 fraction bits: what a convolution or a matmul does for
// one element of its result.
//
//   Accumulator sum(bias);
//   for (...) sum.add(x, w);
//   Half y = sum.result();
//
// Source: 751K's study (M4, M6), measured case by case with constant weights; a product of two run-time values is
// assumed to be equal. The rules give the error norms that ANEForge published for M1 to M6.
#pragma once

#include <cstdint>

#include "device/sim/arithmetic/number.h"

namespace anemone::sim {

inline constexpr double kUnit = 0x1p-16;         // what the accumulator counts
inline constexpr int64_t kOverflow = 1LL << 31;  // units: sums of this magnitude are infinite
inline constexpr int kDropped = -17;             // products whose exponents sum to this or less are zero

// x·w in units, ties away from zero.
inline int64_t product(Half x, Half w) {
  if (exponent(x) + exponent(w) <= kDropped) return 0;
  return static_cast<int64_t>(std::round(decode(x) * decode(w) / kUnit));
}

class Accumulator {
 public:
  Accumulator() = default;
  // The bias is the first value.
  explicit Accumulator(Half bias) : units_(static_cast<int64_t>(std::round(decode(bias) / kUnit))) {}

  void add(Half x, Half w) { add_units(product(x, w)); }
  // Integers, as of int8 values: the accumulator then counts ones.
  void add_units(int64_t units) {
    if (overflowed_) return;
    units_ += units;
    overflowed_ = std::abs(units_) >= kOverflow;
  }

  bool overflowed() const { return overflowed_; }
  // In units; infinite from the first overflow on, whatever comes after.
  double units() const {
    return overflowed_ ? std::copysign(INFINITY, static_cast<double>(units_)) : static_cast<double>(units_);
  }
  Half result() const { return half_away(units() * kUnit); }

 private:
  int64_t units_ = 0;
  bool overflowed_ = false;
};

}  // namespace anemone::sim
