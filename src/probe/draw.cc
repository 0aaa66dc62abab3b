#include "probe/draw.h"

#include "mil/builder.h"

namespace anemone::probe {

std::vector<Numbers> draw_interleaved(Drand48& random, int64_t count, const std::vector<double>& scales) {
  std::vector<Numbers> all(scales.size(), Numbers(static_cast<size_t>(count)));
  for (size_t i = 0; i < static_cast<size_t>(count); ++i) {
    for (size_t n = 0; n < scales.size(); ++n) all[n][i] = scales[n] * symmetric(random.next());
  }
  return all;
}

void set_weight(mil::Weights& weights, const std::string& name, const mil::Shape& shape, const Numbers& values) {
  weights.set(mil::weight_file(name), mil::Tensor::from_numbers({mil::DType::fp16, shape}, values));
}

}  // namespace anemone::probe
