// Ports in rows that every engine reads aright.
//
//   const mil::Function wide = TRY(with_wide_rows(function, weights));
//   // [1, 12, 1, 8] is declared [1, 2, 1, 64], in which 12·8 elements and 32 of no meaning stand, and reshaped inside
//
// Surfaces are packed, without strides (S08), but rows that are no multiple of 32 elements came back as garbage on an
// M3 Max (field guide), of 16 on an M4 Max (rustane), and an M5 wanted 128 bytes (maderix, issue 35). An M4 Max took 16
// (Orion). Packed rows of 64 halves satisfy all, and hold the same bytes: nothing is copied. Integers, and tensors of
// more than five axes, are left as they are: the engine computes with none (C14, S10). So are buffers, which say where
// their rows stand.
#pragma once

#include "mil/function.h"

namespace anemone::ane {

// The function with such ports in place of those whose rows are narrow. Where they hold more elements, those are behind
// the others, mean nothing in inputs and are zeros in outputs. An error names a port that is too large for it.
Result<mil::Function> with_wide_rows(const mil::Function& function, const mil::Weights& weights);

}  // namespace anemone::ane
