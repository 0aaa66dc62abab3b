// Rotary positions: the angles by which the pairs of a query or key vector turn.
//
//   RotaryTables tables = rotary_tables(config, 256);
//   tables.cos[p * config.head_dim + i];
#pragma once

#include <vector>

#include "model/config.h"

namespace anemone::model {

// cos and sin of p·θ^(−2i/h) for pair i of position p: [positions, h], each value standing at both places of its pair.
struct RotaryTables {
  std::vector<double> cos, sin;
};
RotaryTables rotary_tables(const Config& config, int64_t positions);

}  // namespace anemone::model
