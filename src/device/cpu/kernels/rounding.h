// What a value keeps of its bits when it is stored between ops: still a float, but one that the narrower type has.
#pragma once

#include <span>

#include "base/half.h"

namespace anemone::cpu {

enum class Rounding : uint8_t { none, half, bfloat16 };

inline void round_to(Rounding rounding, std::span<float> values) {
  if (rounding == Rounding::half) round_to_half(values);
  if (rounding == Rounding::bfloat16) round_to_bfloat16(values);
}

}  // namespace anemone::cpu
