// Data moved between layouts.
#pragma once

#include "device/loops.h"

namespace anemone::cpu {

// Operands of the loops: to, from. Where both are contiguous along different dimensions, blocks are transposed.
void copy(const Loops& loops, float* to, const float* from);

void fill(const Loops& loops, float* to, float value);

}  // namespace anemone::cpu
