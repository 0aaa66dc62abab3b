#include "bench/step_products.h"

#include <gtest/gtest.h>

#include <map>

namespace anemone::bench {
namespace {

double flops_of(const std::vector<StepProduct>& products, std::string_view prefix) {
  double total = 0;
  for (const StepProduct& p : products) {
    if (p.name.starts_with(prefix)) total += p.flops();
  }
  return total;
}

model::Config config_of(std::string_view name) { return *model::find_config(std::string(name)); }

// Weights that multiply: all but the norms; the embedding counts as the classifier.
double multiplying_parameters(const model::Config& c) {
  const int64_t norms = c.layers * (2 * c.dim + (c.qk_norm ? 2 * c.head_dim : 0)) + c.dim;
  return static_cast<double>(c.parameter_count() - norms - (c.tied ? 0 : c.vocab * c.dim));
}

TEST(StepProducts, LinearMapsTakeSixOperationsAWeightAndToken) {
  for (const char* name : {"stories110m", "stories15m", "qwen3-0.6b"}) {
    const model::Config config = config_of(name);
    const auto products = step_products(config, /*batch=*/3, /*seq=*/192);
    EXPECT_DOUBLE_EQ(flops_of(products, "linear") + flops_of(products, "classifier"),
                     6 * multiplying_parameters(config) * 3 * 192)
        << name;
  }
}

// Of n² blocks of scores n(n + 1)/2 lie at or below the diagonal.
TEST(StepProducts, AttentionTakesTheCausalHalfOfSixProductsAHead) {
  const model::Config config = config_of("stories110m");
  const double blocks = 4, block = kAttentionBlock;
  const double scores = blocks * (blocks + 1) / 2 * block * block;
  EXPECT_DOUBLE_EQ(flops_of(step_products(config, 2, 4 * kAttentionBlock), "attention"),
                   6 * 2 * scores * static_cast<double>(config.head_dim * config.heads * config.layers * 2));
}

TEST(StepProducts, ALastBlockOfAttentionMayBeShort) {
  const model::Config config = config_of("stories15m");
  const double block = kAttentionBlock, rest = 10;
  const double scores = block * block + rest * (block + rest);  // by queries: qᵀ·k, P·v and their like
  const double by_keys = block * (block + rest) + rest * rest;  // by keys: dv, dk
  EXPECT_DOUBLE_EQ(
      flops_of(step_products(config, 1, kAttentionBlock + 10), "attention"),
      2 * (4 * scores + 2 * by_keys) * static_cast<double>(config.head_dim * config.heads * config.layers));
}

TEST(StepProducts, OneEntryAShape) {
  std::map<std::string, int64_t> times;
  for (const StepProduct& p : step_products(config_of("stories110m"), 1, 64)) {
    times[p.name + " " + std::to_string(p.gemm.m) + "x" + std::to_string(p.gemm.n) + "x" + std::to_string(p.gemm.k)] =
        p.times;
  }
  EXPECT_EQ(times.at("linear 768x64x768"), 12 * 4);   // Wq, Wk, Wv, Wo
  EXPECT_EQ(times.at("linear 2048x64x768"), 12 * 2);  // W1, W3
  EXPECT_EQ(times.at("linear 768x64x2048"), 12);      // W2
  EXPECT_EQ(times.at("linear dW 768x2048x64"), 12);
  EXPECT_EQ(times.at("classifier dx 768x64x32000"), 1);
}

}  // namespace
}  // namespace anemone::bench
