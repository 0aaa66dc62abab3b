// Seeded values for tests.
#pragma once

#include <cstdint>
#include <vector>

#include "base/random.h"

namespace anemone {

// Uniform in [−scale, scale).
inline std::vector<float> random_floats(int64_t count, uint64_t seed, float scale = 1) {
  Random random(seed);
  std::vector<float> values(static_cast<size_t>(count));
  for (float& value : values) value = scale * static_cast<float>(2 * random.next() - 1);
  return values;
}

}  // namespace anemone
