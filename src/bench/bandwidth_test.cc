#include "bench/bandwidth.h"

#include <gtest/gtest.h>

#include <chrono>
#include <numeric>
#include <vector>

namespace anemone::bench {
namespace {

// A plain loop in one thread over the same amount moves it as fast as any honest measure says, or slower; and all
// threads with vectors are not a hundred times faster than it.
TEST(Bandwidth, IsNotFarFromAPlainLoop) {
  const std::vector<uint32_t> memory(size_t{16} << 20, 1);
  double plain = 0;
  for (int i = 0; i < 5; ++i) {
    const auto start = std::chrono::steady_clock::now();
    ASSERT_EQ(std::accumulate(memory.begin(), memory.end(), uint64_t{0}), memory.size());
    const std::chrono::duration<double> time = std::chrono::steady_clock::now() - start;
    plain = std::max(plain, 4.0 * static_cast<double>(memory.size()) / time.count());
  }
  const Bandwidth found = measure_bandwidth({.bytes = size_t{64} << 20, .passes = 5});
  for (const double bandwidth : {found.read, found.copy}) {
    EXPECT_GT(bandwidth, plain / 10);
    EXPECT_LT(bandwidth, plain * 200);
  }
}

TEST(Bandwidth, TakesFewBytes) {
  const Bandwidth found = measure_bandwidth({.bytes = 1, .passes = 1});
  EXPECT_GT(found.read, 0);
  EXPECT_GT(found.copy, 0);
}

}  // namespace
}  // namespace anemone::bench
