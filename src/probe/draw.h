// The seed's random inputs: drand48 by srand48, u in [0, 1) or U = 2u − 1 in [−1, 1).
//
//   Drand48 random(42);
//   Numbers x = draw(random, 768 * 256, [](double u) { return 0.75 + 0.5 * u; });
#pragma once

#include "base/random.h"
#include "mil/function.h"
#include "probe/trial.h"

namespace anemone::probe {

inline double symmetric(double u) { return 2 * u - 1; }

template <class Of>
Numbers draw(Drand48& random, int64_t count, const Of& of) {
  Numbers values(static_cast<size_t>(count));
  for (double& value : values) value = of(random.next());
  return values;
}

// `scale`·U.
inline Numbers draw(Drand48& random, int64_t count, double scale) {
  return draw(random, count, [scale](double u) { return scale * symmetric(u); });
}

// `scale`·U for each scale, element by element in turn.
std::vector<Numbers> draw_interleaved(Drand48& random, int64_t count, const std::vector<double>& scales);

// Values as the weight that Builder::weight(name) refers to, which are to be halves already.
void set_weight(mil::Weights& weights, const std::string& name, const mil::Shape& shape, const Numbers& values);

}  // namespace anemone::probe
