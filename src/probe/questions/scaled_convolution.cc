#include "probe/questions/scaled_convolution.h"

#include <memory>

#include "mil/builder.h"
#include "probe/draw.h"

namespace anemone::probe {

Result<mil::Function> ScaledConvolution::function() const {
  mil::Builder b;
  const mil::Value x = b.input("x", {boundary, {1, channels, 1, width}});
  const mil::Value w = b.weight("w", {mil::DType::fp16, {channels, channels, 1, 1}});
  b.output("y", cast(conv(cast(x, mil::DType::fp16), w), boundary));
  return b.finish();
}

Numbers ScaledConvolution::matrix(double factor) const {
  Numbers w(static_cast<size_t>(channels * channels));
  for (int64_t c = 0; c < channels; ++c) w[static_cast<size_t>(c * channels + c)] = factor;
  return w;
}

mil::Weights ScaledConvolution::weights(double factor) const {
  mil::Weights weights;
  set_weight(weights, "w", {channels, channels, 1, 1}, matrix(factor));
  return weights;
}

Inquiry::Check ScaledConvolution::check(std::string what, double factor) const {
  const auto random = std::make_shared<Drand48>(1);
  return {.what = std::move(what),
          .inputs = [*this, random] { return std::vector<Numbers>{draw(*random, elements(), 1.0)}; },
          .expected =
              [factor](const std::vector<Numbers>& in) {
                Numbers y = in[0];
                for (double& value : y) value *= factor;
                return std::vector<Numbers>{y};
              },
          .tolerance = {.ours = 0.004}};
}

}  // namespace anemone::probe
