#include "bench/offload.h"

#include <gtest/gtest.h>

#include <numeric>

namespace anemone::bench {
namespace {

TEST(CompareOffloads, TimesBothAndAccountsForTheStep) {
  const model::Config config{.name = "test",
                             .layers = 2,
                             .dim = 32,
                             .hidden = 48,
                             .heads = 4,
                             .kv_heads = 2,
                             .head_dim = 8,
                             .vocab = 61,
                             .seq = 16};
  const auto device = open_device("cpu", {.precision = Precision::fp32});
  ASSERT_TRUE(device);
  const auto timings = compare_offloads(**device, config, {.seq = 16}, /*steps=*/3);
  ASSERT_TRUE(timings) << timings.error().message;
  ASSERT_EQ(timings->size(), 2u);
  EXPECT_EQ((*timings)[0].offload, train::Offload::core);
  EXPECT_EQ((*timings)[1].offload, train::Offload::full);
  for (const OffloadTiming& t : *timings) {
    const double parts = std::accumulate(t.step.parts.begin(), t.step.parts.end(), 0.0);
    EXPECT_GT(t.step.part(train::Timer::ane), 0);
    EXPECT_GT(t.step.part(train::Timer::adam), 0);
    EXPECT_LE(parts, t.step.total);        // nothing is counted twice
    EXPECT_GE(parts, 0.5 * t.step.total);  // and little goes uncounted
  }
}

}  // namespace
}  // namespace anemone::bench
