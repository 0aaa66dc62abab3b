// Many normally distributed numbers at once, vectorised, by all threads.
//
//   fill_normal(weights, /*deviation=*/0.02f, /*stream=*/random.next_bits());
//
// Mean 0, by Box and Muller from the draws of Random(stream): values 2p and 2p + 1 from draws 2p and 2p + 1, so that
// they depend on neither the number of threads nor that of values. Single precision is plenty, and the bits are the
// same on all processors that multiply and add in one step (x86-64 from AVX2 on, 64-bit ARM).
#pragma once

#include <cstdint>
#include <span>

namespace anemone {

void fill_normal(std::span<float> values, float deviation, uint64_t stream);

}  // namespace anemone
