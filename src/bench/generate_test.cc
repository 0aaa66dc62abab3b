#include "bench/generate.h"

#include <gtest/gtest.h>

namespace anemone::bench {
namespace {

TEST(TimeGeneration, CountsTheWeightsThatATokenReads) {
  const model::Config config{.name = "test",
                             .layers = 2,
                             .dim = 32,
                             .hidden = 48,
                             .heads = 4,
                             .kv_heads = 2,
                             .head_dim = 8,
                             .vocab = 61,
                             .seq = 16,
                             .tied = false};
  const auto device = open_device("cpu", {.precision = Precision::fp16}).value();
  const auto timing =
      time_generation(*device, config, {.dtype = mil::DType::fp16, .weight_bits = 16, .prompt = 5, .tokens = 9});
  ASSERT_TRUE(timing) << timing.error().message;
  // q and o 32×32, k and v 16×32, three matrices 32×48, two norms; at the end a norm and the classifier.
  const double layer = 2 * 32 * 32 + 2 * 16 * 32 + 3 * 32 * 48 + 2 * 32;
  EXPECT_EQ(timing->weight_bytes, 2 * (2 * layer + 32 + 61 * 32));
  EXPECT_GT(timing->load_ms, 0);
  EXPECT_GT(timing->prompt_ms, 0);
  EXPECT_GT(timing->ms_per_token, 0);
  EXPECT_LT(timing->ms_per_token, 9 * timing->mean_ms_per_token);
  EXPECT_DOUBLE_EQ(timing->fraction_of_bandwidth(),
                   timing->weight_bytes / timing->memory.read * 1e3 / timing->ms_per_token);
}

}  // namespace
}  // namespace anemone::bench
