#include "probe/questions/scaled_convolution.h"

#include <fmt/format.h>

#include <cmath>
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

std::optional<double> factor_between(const Numbers& x, const Numbers& y, std::initializer_list<double> factors) {
  for (const double factor : factors) {
    bool explains = true;
    for (size_t i = 0; i < x.size() && explains; ++i) explains = std::abs(y[i] - factor * x[i]) <= 0.1;
    if (explains) return factor;
  }
  return std::nullopt;
}

Result<> ask_whether_changed(Inquiry& inquiry, std::string what, Trial& trial, const Numbers& x, double k,
                             std::vector<Published> published) {
  trial.write(0, x);
  TRY(trial.run());
  const auto factor = factor_between(x, trial.read(0), {1.0, k});
  if (!factor) {
    inquiry.fail(std::move(what), fmt::format("the result is neither what it was nor {:g} times that", k));
  } else {
    inquiry.answer(std::move(what), *factor == 1 ? "no" : fmt::format("yes, to {:g} times", k), std::move(published));
  }
  return {};
}

}  // namespace anemone::probe
