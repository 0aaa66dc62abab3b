// Functions that the engine reads from tables, each of one half. Where a comment says no more, entries and evaluation
// are those of the programs that 751K's study read and measured on M6; what was not published is a Choice.
//
//   tanh_of(half_away(0.0625))   // 0.0621…, where the true value is 0.0624…
#pragma once

#include "base/half.h"

namespace anemone::sim {

Half tanh_of(Half x);
Half erf_of(Half x);
Half sigmoid_of(Half x);
Half exp_of(Half x);   // e^x
Half exp2_of(Half x);  // 2^x
Half log_of(Half x);   // ln x
Half sqrt_of(Half x);
Half rsqrt_of(Half x);    // 1/√x
Half inverse_of(Half x);  // 1/x
Half sin_of(Half x);
Half cos_of(Half x);
Half atan_of(Half x);
Half gelu_of(Half x);  // all modes: approximate, from a fitted table
Half silu_of(Half x);  // approximate, from a fitted table

// x + ε as log, rsqrt and inverse take it: ε rounded to a multiple of 2^-16, the sum to a half.
Half plus_epsilon(Half x, double epsilon);

}  // namespace anemone::sim
