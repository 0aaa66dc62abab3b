#include "device/sim/arithmetic/table_functions.h"

#include <algorithm>
#include <numbers>

#include "device/sim/arithmetic/table.h"

namespace anemone::sim {
namespace {

constexpr double kPi = std::numbers::pi;

Half negated_if(bool negative, Half value) { return negative ? half_away(-decode(value)) : value; }

// f(−x) = −f(x), f given at magnitudes.
template <class F>
Half odd(Half x, F f) {
  return negated_if(decode(x) < 0, f(decode(magnitude(x))));
}

// value·2^k, rounded again where it is subnormal, infinite beyond the halves.
Half scaled(Half value, double k) { return half_away(std::ldexp(decode(value), int(k))); }

// x = m·2^e, m in [½, 1).
struct Split {
  double m;
  int e;
};
Split split(double x) {
  int e;
  const double m = std::frexp(x, &e);
  return {m, e};
}

// x = m·4^k, m in [½, 2).
struct Split4 {
  double m;
  int k;
};
Split4 split4(double x) {
  const auto [m, e] = split(x);
  const int k = e >> 1;  // rounded down
  return {std::ldexp(m, e - 2 * k), k};
}

// What a table's header says of the ends of its inputs, 0 and infinity (Choice::table_special_inputs): the result of
// what lies there or beyond, and f between them.
template <class F>
Half within(double x, Half at_zero, Half at_infinity, F f) {
  if (x <= 0) return at_zero;
  return x >= decode(kInfinity) ? at_infinity : f(x);
}

constexpr Half kZero{0x0000}, kOne{0x3C00}, kMinusInfinity{0xFC00};

}  // namespace

Half tanh_of(Half x) {
  static const Entries table = entries_of([](double i) { return std::tanh(i / 8); });
  return odd(x, [](double size) { return size >= 4 ? kOne : lut(table, 8 * size); });
}

// From 2 up a line, fitted to the errors that were published (Choice::fitted_tails).
Half erf_of(Half x) {
  static const Entries table = entries_of([](double i) { return std::erf(i / 16); });
  return odd(x, [](double size) {
    return size >= 2 ? half_away(std::min(1.0, 0.97038 + 0.0124 * size)) : lut(table, 16 * size);
  });
}

// Lines are drawn from the entry nearer to 0. Beyond the table fitted lines (Choice::fitted_tails).
Half sigmoid_of(Half h) {
  static const Entries table = entries_of([](double i) { return 1 / (1 + std::exp(8 - i / 2)); });
  const double x = decode(h);
  const auto tail = [](double below) { return std::max(0.0, 3.3545e-4 + 1.732e-4 * (below + 8)); };
  if (x < -8) return half_away(tail(x));
  if (x > 8) return half_away(1 - tail(-x));
  const double u = 2 * (x + 8);
  return x < 0 ? lut_from_above(table, u) : lut(table, u);
}

Half exp2_of(Half x) {
  static const Entries table = entries_of([](double i) { return std::exp2(i / 32); });
  const double z = decode(x), k = std::floor(z);
  return scaled(lut(table, 32 * (z - k)), k);
}

Half exp_of(Half x) {
  constexpr double kLog2E = 1.4423828125;  // as a half, towards zero
  return exp2_of(half_away(decode(x) * kLog2E));
}

Half log_of(Half h) {
  constexpr double kLn2 = 0.693359375;  // as a half
  static const Entries table = entries_of([](double i) { return std::log2(0.5 + i / 64); });
  return within(decode(h), kMinusInfinity, kZero, [](double x) {
    const auto [m, e] = split(x);
    const Half log2 = half_away(decode(lut(table, 64 * (m - 0.5))) + e);
    return half_away(decode(log2) * kLn2);
  });
}

constexpr int kLastOfRoots = 24;  // at m = 2

Half sqrt_of(Half h) {
  static const Entries table = entries_of([](double i) { return std::sqrt(0.5 + i / 16); }, kLastOfRoots);
  return within(decode(h), kZero, kInfinity, [](double x) {
    const auto [m, k] = split4(x);
    return scaled(lut(table, 16 * (m - 0.5)), k);
  });
}

Half rsqrt_of(Half h) {
  static const Entries table = entries_of([](double i) { return 1 / std::sqrt(0.5 + i / 16); }, kLastOfRoots);
  return within(decode(h), kInfinity, kZero, [](double x) {
    const auto [m, k] = split4(x);
    return scaled(lut(table, 16 * (m - 0.5)), -k);
  });
}

Half inverse_of(Half h) {
  static const Entries table = entries_of([](double i) { return 1 / (0.5 + i / 64); });
  return odd(h, [](double size) {
    return within(size, kInfinity, kZero, [](double x) {
      const auto [m, e] = split(x);
      return scaled(lut(table, 64 * (m - 0.5)), -e);
    });
  });
}

namespace {

// |x| in quadrants of the circle, to 16 bits after the point: 18 bits of a turn (Choice::sin_phase).
double quadrants(Half x) { return std::round(std::ldexp(decode(magnitude(x)) * 2 / kPi, 16)) / 0x1p16; }

// sin(phase·π/2): in odd quadrants a quarter wave read backwards, in the second half of a turn its negative.
Half sine(double phase) {
  static const Entries table = entries_of([](double i) { return std::sin(i * kPi / 64); });
  const double quadrant = std::floor(phase), u = 32 * (phase - quadrant);
  const int turn = int(quadrant) % 4;
  return negated_if(turn >= 2, turn % 2 == 1 ? lut_backwards(table, u) : lut(table, u));
}

}  // namespace

Half sin_of(Half x) { return negated_if(decode(x) < 0, sine(quadrants(x))); }

Half cos_of(Half x) { return sine(quadrants(x) + 1); }

// Of |x| > 1: π/2 − atan(1/|x|), step by step (Choice::atan_table).
Half atan_of(Half x) {
  static const Entries table = entries_of([](double i) { return std::atan(i / 32); });
  return odd(x, [](double size) {
    if (size <= 1) return lut(table, 32 * size);
    const double complement = decode(lut(table, 32 * decode(inverse_of(half_away(size)))));
    return half_away(decode(half_away(kPi / 2)) - complement);
  });
}

namespace {

// A table over [−limit, limit]; x above it, 0 below (Choice::gelu_and_silu_tables).
Half gated(const Entries& table, double limit, Half h) {
  const double x = decode(h);
  if (std::fabs(x) > limit) return half_away(std::max(x, 0.0));
  return lut(table, (x + limit) * kLastEntry / (2 * limit));
}

}  // namespace

Half gelu_of(Half x) {
  static const Entries table = fitted_entries([](double t) { return t * std::erfc(-t / std::numbers::sqrt2) / 2; }, 4);
  return gated(table, 4, x);
}

Half silu_of(Half x) {
  static const Entries table = fitted_entries([](double t) { return t / (1 + std::exp(-t)); }, 8);
  return gated(table, 8, x);
}

Half plus_epsilon(Half x, double epsilon) { return half_away(decode(x) + std::round(epsilon * 0x1p16) / 0x1p16); }

}  // namespace anemone::sim
