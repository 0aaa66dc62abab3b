#include "generate/sampling.h"

#include <gmock/gmock.h>

#include <cmath>
#include <limits>
#include <map>

namespace anemone::generate {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::UnorderedElementsAre;

constexpr float kInfinity = std::numeric_limits<float>::infinity();

// Logits of the probabilities ½, ¼, ⅛, ⅛, out of order.
const std::vector<float> kLogits{std::log(0.125f), std::log(0.5f), std::log(0.125f), std::log(0.25f)};

std::vector<int32_t> kept(const std::vector<float>& logits, const SamplingOptions& options) {
  std::vector<int32_t> tokens;
  const auto choices = candidates(logits, options).value();
  for (const Candidate& c : choices) tokens.push_back(c.token);
  return tokens;
}

std::map<int32_t, double> distribution(const std::vector<float>& logits, const SamplingOptions& options) {
  std::map<int32_t, double> result;
  const auto choices = candidates(logits, options).value();
  for (const Candidate& c : choices) result[c.token] = c.probability;
  return result;
}

template <class T>
std::string message(const Result<T>& result) {
  return result ? "" : result.error().message;
}

TEST(Sampling, TemperatureZeroTakesTheLikeliestAndOfEqualsTheLowest) {
  EXPECT_THAT(kept(kLogits, {.temperature = 0}), ElementsAre(1));
  EXPECT_THAT(kept({-3, 2, 2, -1}, {.temperature = 0}), ElementsAre(1));
  EXPECT_THAT(kept({-kInfinity, -7}, {.temperature = 0}), ElementsAre(1));
}

TEST(Sampling, TemperatureSharpensAndFlattens) {
  auto p = distribution(kLogits, {});
  EXPECT_NEAR(p[1], 0.5, 1e-6);
  EXPECT_NEAR(p[0], 0.125, 1e-6);
  p = distribution(kLogits, {.temperature = 0.5});  // p² / Σp²: ¼, 1/16, 1/64, 1/64 of 22/64
  EXPECT_NEAR(p[1], 16.0 / 22, 1e-6);
  EXPECT_NEAR(p[3], 4.0 / 22, 1e-6);
  EXPECT_NEAR(p[2], 1.0 / 22, 1e-6);
  EXPECT_NEAR(distribution(kLogits, {.temperature = 1e9})[1], 0.25, 1e-6);
  EXPECT_EQ(distribution(kLogits, {.temperature = 1e-300})[1], 1);
}

TEST(Sampling, TopKKeepsTheLikeliest) {
  EXPECT_THAT(kept(kLogits, {.top_k = 1}), ElementsAre(1));
  EXPECT_THAT(kept(kLogits, {.top_k = 2}), UnorderedElementsAre(1, 3));
  EXPECT_THAT(kept(kLogits, {.top_k = 3}), UnorderedElementsAre(0, 1, 3)) << "of equals the lowest";
  EXPECT_THAT(kept(kLogits, {.top_k = 4}), UnorderedElementsAre(0, 1, 2, 3));
  EXPECT_THAT(kept(kLogits, {.top_k = 1000}), UnorderedElementsAre(0, 1, 2, 3)) << "more than there are";
  EXPECT_NEAR(distribution(kLogits, {.top_k = 2})[1], 2.0 / 3, 1e-6);
}

TEST(Sampling, TopPKeepsTheFewestThatReachIt) {
  EXPECT_THAT(kept(kLogits, {.top_p = 1e-9}), ElementsAre(1)) << "never none";
  EXPECT_THAT(kept(kLogits, {.top_p = 0.49}), ElementsAre(1));
  EXPECT_THAT(kept(kLogits, {.top_p = 0.51}), UnorderedElementsAre(1, 3));
  EXPECT_THAT(kept(kLogits, {.top_p = 0.74}), UnorderedElementsAre(1, 3));
  EXPECT_THAT(kept(kLogits, {.top_p = 0.76}), UnorderedElementsAre(0, 1, 3));
  EXPECT_THAT(kept(kLogits, {.top_p = 0.99}), UnorderedElementsAre(0, 1, 2, 3));
  EXPECT_THAT(kept(kLogits, {.top_p = 1}), UnorderedElementsAre(0, 1, 2, 3));
  EXPECT_THAT(kept({5, 5, 5}, {.top_p = 0.01}), ElementsAre(0)) << "of equals the lowest";
  EXPECT_NEAR(distribution(kLogits, {.top_p = 0.74})[3], 1.0 / 3, 1e-6);
}

TEST(Sampling, TopPCountsWhatTopKLeft) {
  EXPECT_THAT(kept(kLogits, {.top_k = 2, .top_p = 0.66}), ElementsAre(1)) << "⅔ of the two";
}

TEST(Sampling, DrawsByTheProbabilities) {
  TokenSampler sampler = TokenSampler::create({.seed = 7}).value();
  constexpr int kDraws = 40000;
  std::vector<double> counts(kLogits.size());
  for (int i = 0; i < kDraws; ++i) ++counts[size_t(sampler.sample(kLogits).value())];
  const std::vector<double> expected{0.125, 0.5, 0.125, 0.25};
  for (size_t t = 0; t < counts.size(); ++t) {
    const double deviation = std::sqrt(kDraws * expected[t] * (1 - expected[t]));
    EXPECT_NEAR(counts[t], kDraws * expected[t], 4 * deviation) << t;
  }
}

TEST(Sampling, SeedDecides) {
  const auto draws = [](uint64_t seed) {
    TokenSampler sampler = TokenSampler::create({.seed = seed}).value();
    std::vector<int32_t> tokens;
    for (int i = 0; i < 32; ++i) tokens.push_back(sampler.sample(kLogits).value());
    return tokens;
  };
  EXPECT_EQ(draws(1), draws(1));
  EXPECT_NE(draws(1), draws(2));
}

TEST(Sampling, RefusesWhatIsNoLogit) {
  const auto error = [](const std::vector<float>& logits) { return message(candidates(logits, {})); };
  EXPECT_THAT(error({1, NAN, 2}), HasSubstr("the logit of token 1 is nan"));
  EXPECT_THAT(error({1, 2, kInfinity}), HasSubstr("the logit of token 2 is inf"));
  EXPECT_THAT(error({-kInfinity, -kInfinity}), HasSubstr("no token has a finite logit"));
  EXPECT_THAT(kept({-kInfinity, 1, 2}, {}), UnorderedElementsAre(1, 2));
}

TEST(Sampling, RefusesOptionsOutOfRange) {
  const auto error = [](const SamplingOptions& options) { return message(TokenSampler::create(options)); };
  EXPECT_THAT(error({.temperature = -1}), HasSubstr("temperature is -1"));
  EXPECT_THAT(error({.temperature = NAN}), HasSubstr("temperature is nan"));
  EXPECT_THAT(error({.temperature = HUGE_VAL}), HasSubstr("temperature is inf"));
  EXPECT_THAT(error({.top_k = -1}), HasSubstr("top-k is -1"));
  for (const double p : {0.0, -0.5, 1.5, double(NAN)}) EXPECT_THAT(error({.top_p = p}), HasSubstr("top-p is")) << p;
}

}  // namespace
}  // namespace anemone::generate
