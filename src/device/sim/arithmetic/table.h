// The engine's tables: 33 halves at equal distances, and straight lines between them.
//
//   const Entries table = entries_of([](double i) { return std::tanh(i / 8); });
//   Half y = lut(table, 0.5);   // tanh(0.0625) ≈ 0.0622
//
// The inner rounding, of what is added to an entry, was inferred from the errors that 751K's study measured on M6.
#pragma once

#include <algorithm>
#include <array>
#include <cmath>

#include "device/sim/arithmetic/number.h"

namespace anemone::sim {

inline constexpr int kLastEntry = 32;
using Entries = std::array<Half, kLastEntry + 1>;

// The entries f(0), f(1), …, f(last), each rounded to a half; none is read beyond the last.
template <class F>
Entries entries_of(F f, int last = kLastEntry) {
  Entries table{};
  for (int i = 0; i <= last; ++i) table[size_t(i)] = half_away(f(double(i)));
  return table;
}

// The line from one entry to another, `way` of the way: 0 gives `from`.
inline Half between(Half from, Half to, double way) {
  const double difference = decode(half_away((decode(to) - decode(from)) * way));
  return half_away(decode(from) + difference);
}

// The value at u entries from the first, 0 <= u <= 32.
inline Half lut(const Entries& table, double u) {
  const auto i = size_t(std::min(std::floor(u), kLastEntry - 1.0));
  return between(table[i], table[i + 1], u - double(i));
}

// The same from the far end: at 0 the last entry.
inline Half lut_backwards(const Entries& table, double u) {
  const auto i = size_t(std::min(std::floor(u), kLastEntry - 1.0));
  return between(table[kLastEntry - i], table[kLastEntry - 1 - i], u - double(i));
}

// The same with each line drawn from its upper end; at whole u it gives the entry.
inline Half lut_from_above(const Entries& table, double u) {
  const auto i = size_t(std::min(std::floor(u), kLastEntry - 1.0));
  return between(table[i + 1], table[i], double(i) + 1 - u);
}

// The entries, over [-limit, limit], whose lines are nearest to f in the sense of least squares over all normal halves
// there: a measure that counts the numbers near 0 most.
Entries fitted_entries(double (*f)(double), double limit);

}  // namespace anemone::sim
