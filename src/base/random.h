// Seeded random numbers, the same on every platform.
#pragma once

#include <cmath>
#include <cstdint>

namespace anemone {

// POSIX drand48: x ← (0x5DEECE66D·x + 0xB) mod 2^48, value x / 2^48. The sequence of the seed's programs.
class Drand48 {
 public:
  explicit Drand48(uint32_t seed) : state_((uint64_t{seed} << 16) | 0x330E) {}  // as srand48(seed)
  double next() {                                                               // in [0, 1)
    state_ = (0x5DEECE66DULL * state_ + 0xB) & ((uint64_t{1} << 48) - 1);
    return static_cast<double>(state_) * 0x1p-48;
  }
  // As so many draws, in a few dozen steps: x ← a·x + c twice is x ← a²·x + (a + 1)·c.
  void skip(uint64_t draws) {
    uint64_t a = 0x5DEECE66DULL, c = 0xB;
    for (; draws > 0; draws /= 2) {
      if (draws % 2 == 1) state_ = (a * state_ + c) & ((uint64_t{1} << 48) - 1);
      c *= a + 1;
      a *= a;
    }
  }

 private:
  uint64_t state_;
};

// SplitMix64 (Steele, Lea, Flood 2014): a counter hashed to 64 bits, so that draw n can be had without the others.
class Random {
 public:
  explicit Random(uint64_t seed, uint64_t position = 0) : seed_(hash(seed)), position_(position) {}
  uint64_t position() const { return position_; }  // draws so far; Random(seed, position) goes on from there

  uint64_t next_bits() { return hash(seed_ + 0x9E3779B97F4A7C15ULL * ++position_); }
  double next() { return static_cast<double>(next_bits() >> 11) * 0x1p-53; }  // uniform in [0, 1)
  uint64_t below(uint64_t bound) {  // uniform in [0, bound), by the high half of a 128-bit product
    return static_cast<uint64_t>((static_cast<unsigned __int128>(next_bits()) * bound) >> 64);
  }
  double normal() {  // mean 0, variance 1, by Box and Muller
    const double radius = std::sqrt(-2 * std::log(1 - next()));
    return radius * std::cos(2 * 3.14159265358979323846 * next());
  }

 private:
  static uint64_t hash(uint64_t z) {
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9ULL;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBULL;
    return z ^ (z >> 31);
  }

  uint64_t seed_;
  uint64_t position_;
};

}  // namespace anemone
