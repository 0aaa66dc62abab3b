// Elementwise arithmetic and functions of halves, in vectors; bit for bit as arithmetic/elementwise.h and the functions
// say.
//
//   combine(Combination::mul, {x, 1}, {&scale, 0}, y, count);
#pragma once

#include <array>

#include "device/sim/arithmetic/elementwise.h"

namespace anemone::sim {

struct Run {
  const Half* data;
  int64_t stride;  // in elements; 0 repeats one
};

void combine(Combination how, const Run& x, const Run& y, Half* to, int64_t count);

// A function of a half, by pattern.
using Tabulated = std::array<Half, 65536>;

void look_up(const Tabulated& table, const Half* x, Half* to, int64_t count);

}  // namespace anemone::sim
