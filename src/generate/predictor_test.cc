// Reading token by token, with the cache, against the whole sequence at once.
#include "generate/predictor.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <utility>

#include "base/random_floats.h"

namespace anemone::generate {
namespace {

using model::Config;
using model::Rope;

const std::vector<int32_t> kTokens{3, 0, 16, 7, 7, 2, 11, 5, 1};

Config grouped(std::string name, Rope rope, bool qk_norm, double residual_scale) {
  return {.name = std::move(name),
          .layers = 3,
          .dim = 12,
          .hidden = 20,
          .heads = 4,
          .kv_heads = 2,
          .head_dim = 6,
          .vocab = 17,
          .seq = 16,
          .rope = rope,
          .rope_theta = 100,
          .qk_norm = qk_norm,
          .tied = qk_norm,
          .residual_scale = residual_scale};
}

struct Case {
  std::string device;
  Precision precision;
  Config config;
};

class PredictorTest : public testing::TestWithParam<Case> {
 protected:
  PredictorTest() {
    const auto values = random_floats(std::ssize(weights_.all()), 5, 0.7f);
    std::ranges::copy(values, weights_.all().begin());
  }

  std::unique_ptr<Predictor> predictor() { return predictor(GetParam().config); }
  std::unique_ptr<Predictor> predictor(const Config& config) {
    const auto dtype = GetParam().precision == Precision::fp32 ? mil::DType::fp32 : mil::DType::fp16;
    return Predictor::create(*device_, config, weights_, {.capacity = 11, .dtype = dtype}).value();
  }

  static std::vector<float> read(Predictor& predictor, std::span<const int32_t> tokens) {
    const std::span<const float> logits = predictor.read(tokens).value();
    return {logits.begin(), logits.end()};
  }

  void expect_near(const std::vector<float>& found, const std::vector<float>& expected, size_t position) const {
    const float largest = std::ranges::max(expected, {}, [](float x) { return std::fabs(x); });
    const float tolerance = (GetParam().precision == Precision::fp32 ? 1e-5f : 2e-2f) * std::fabs(largest);
    for (size_t i = 0; i < expected.size(); ++i) {
      EXPECT_NEAR(found[i], expected[i], tolerance) << "token " << i << " after " << position;
    }
  }

  std::unique_ptr<Device> device_ = *open_device(GetParam().device, {.precision = GetParam().precision});
  model::Parameters weights_{GetParam().config};
};

TEST_P(PredictorTest, OneByOneAsTogether) {
  auto single = predictor(), together = predictor();
  for (size_t t = 0; t < kTokens.size(); ++t) {
    const std::vector<float> logits = read(*single, {&kTokens[t], 1});
    together->reset();
    expect_near(logits, read(*together, std::span(kTokens).first(t + 1)), t);
  }
  EXPECT_EQ(single->position(), std::ssize(kTokens));
}

TEST_P(PredictorTest, GoesOnAfterAPrompt) {
  auto whole = predictor(), parts = predictor();
  const std::span<const int32_t> tokens(kTokens);
  read(*parts, tokens.first(4));
  read(*parts, tokens.subspan(4, 1));
  expect_near(read(*parts, tokens.subspan(5)), read(*whole, tokens), tokens.size());
}

// α·f(x) with f linear in its last matrix: as well may the matrix be α times as large.
TEST_P(PredictorTest, ResidualScaleWeighsTheBranches) {
  const auto expected = read(*predictor(), kTokens);
  Config unscaled = GetParam().config;
  const auto alpha = static_cast<float>(std::exchange(unscaled.residual_scale, 1));
  for (int64_t l = 0; l < unscaled.layers; ++l) {
    for (float& w : weights_.layer(l).wo) w *= alpha;
    for (float& w : weights_.layer(l).w2) w *= alpha;
  }
  expect_near(read(*predictor(unscaled), kTokens), expected, kTokens.size());
}

TEST_P(PredictorTest, ForgetsWhenReset) {
  auto used = predictor(), fresh = predictor();
  read(*used, kTokens);
  used->reset();
  EXPECT_EQ(used->position(), 0);
  EXPECT_EQ(read(*used, {&kTokens[2], 1}), read(*fresh, {&kTokens[2], 1}));
}

std::vector<Case> cases() {
  std::vector<Case> all;
  for (const std::string& device : host_device_names()) {
    all.push_back({device, Precision::fp32, grouped("interleaved", Rope::interleaved, false, 1)});
    all.push_back({device, Precision::fp32, grouped("halves_norms", Rope::half, true, 0.5)});
    all.push_back({device, Precision::fp32, grouped("plain", Rope::none, false, 1)});
    all.push_back({device, Precision::fp16, grouped("halves_norms", Rope::half, true, 1)});
  }
  return all;
}

INSTANTIATE_TEST_SUITE_P(Devices, PredictorTest, testing::ValuesIn(cases()), [](const auto& info) {
  const Case& c = info.param;
  return c.device + "_" + std::string(to_string(c.precision)) + "_" + c.config.name;
});

}  // namespace
}  // namespace anemone::generate
