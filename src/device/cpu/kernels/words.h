// The plan's words: whatever its element type, a value at run time takes 32 bits an element. Floats and bools are
// floats (true is 1), integers the bits of an int32, so that what moves without arithmetic serves every type unchanged.
#pragma once

#include <bit>

#include "device/cpu/kernels/rounding.h"
#include "device/loops.h"
#include "mil/type.h"

namespace anemone::cpu {

inline bool is_integer(mil::DType dtype) { return !mil::is_float(dtype) && dtype != mil::DType::boolean; }

// Elements that are words as they stand.
inline bool is_word(mil::DType dtype) {
  return dtype == mil::DType::fp32 || dtype == mil::DType::int32 || dtype == mil::DType::uint32;
}

// What a stored value of the type keeps of a float's bits.
inline Rounding rounding_of(mil::DType dtype) {
  if (dtype == mil::DType::fp16) return Rounding::half;
  return dtype == mil::DType::bf16 ? Rounding::bfloat16 : Rounding::none;
}

inline float word(int32_t value) { return std::bit_cast<float>(value); }
inline int32_t integer(float word) { return std::bit_cast<int32_t>(word); }

// A value of the element type, which it fits.
inline float to_word(mil::DType dtype, double value) {
  return is_integer(dtype) ? word(static_cast<int32_t>(static_cast<int64_t>(value))) : static_cast<float>(value);
}
inline double from_word(mil::DType dtype, float word) {
  if (!is_integer(dtype)) return word;
  if (dtype == mil::DType::uint32) return std::bit_cast<uint32_t>(word);
  return integer(word);
}

// From a surface's packed elements to words, and back: floats are rounded to nearest even, integers fit. Operands of
// the loops: to, from. Elements that share bytes are written by one thread.
void widen(const Loops& loops, mil::DType dtype, float* to, const std::byte* from);
void narrow(const Loops& loops, mil::DType dtype, std::byte* to, const float* from);

// The same for the doubles of the reference evaluation.
void to_doubles(const Loops& loops, mil::DType dtype, double* to, const float* from);
void from_doubles(const Loops& loops, mil::DType dtype, float* to, const double* from);

}  // namespace anemone::cpu
