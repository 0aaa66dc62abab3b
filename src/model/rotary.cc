#include "model/rotary.h"

#include <cmath>

namespace anemone::model {

RotaryTables rotary_tables(const Config& config, int64_t positions) {
  const int64_t h = config.head_dim;
  RotaryTables tables;
  for (int64_t p = 0; p < positions; ++p) {
    for (int64_t i = 0; i < h; ++i) {
      const int64_t pair = config.rope == Rope::half ? i % (h / 2) : i / 2;
      const double frequency = std::pow(config.rope_theta, -2.0 * static_cast<double>(pair) / static_cast<double>(h));
      const double angle = static_cast<double>(p) * frequency;
      tables.cos.push_back(std::cos(angle));
      tables.sin.push_back(std::sin(angle));
    }
  }
  return tables;
}

}  // namespace anemone::model
