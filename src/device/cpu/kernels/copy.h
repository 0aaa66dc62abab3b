// Data moved between layouts and element types.
#pragma once

#include "device/cpu/kernels/loops.h"
#include "mil/type.h"

namespace anemone::cpu {

// Operands of the loops: to, from. Where both are contiguous along different dimensions, blocks are transposed.
void copy(const Loops& loops, float* to, const float* from);

// From a surface's 16-bit elements (fp16 or bf16) and back, rounding to nearest even. Operands: to, from.
void widen(const Loops& loops, mil::DType dtype, float* to, const uint16_t* from);
void narrow(const Loops& loops, mil::DType dtype, uint16_t* to, const float* from);

}  // namespace anemone::cpu
