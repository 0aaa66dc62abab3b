#include "probe/draw.h"

#include "mil/builder.h"

namespace anemone::probe {

void set_weight(mil::Weights& weights, const std::string& name, const mil::Shape& shape, const Numbers& values) {
  weights.set(mil::weight_file(name), mil::Tensor::from_numbers({mil::DType::fp16, shape}, values));
}

}  // namespace anemone::probe
