#include "base/normal.h"

#include <gtest/gtest.h>

#include <cmath>
#include <numbers>

#include "base/parallel.h"
#include "base/random.h"
#include "base/targets_testing.h"

namespace anemone {
namespace {

using Normal = OnEachTarget;
INSTANTIATE_ON_EACH_TARGET(Normal);

// By the definition, in double, one after another.
std::vector<double> box_muller(size_t count, double deviation, uint64_t stream) {
  Random random(stream);
  std::vector<double> values;
  while (values.size() < count) {
    const double radius = deviation * std::sqrt(-2 * std::log(1 - random.next()));
    const double angle = 2 * std::numbers::pi * random.next();
    values.push_back(radius * std::cos(angle));
    values.push_back(radius * std::sin(angle));
  }
  values.resize(count);
  return values;
}

TEST_P(Normal, FollowsBoxAndMuller) {
  for_each_place([](size_t count, size_t offset) {
    Guarded<float> values(count, offset);
    fill_normal(values.span(), 0.5f, 7);
    values.expect_intact();
    const std::vector<double> want = box_muller(count, 0.5, 7);
    for (size_t i = 0; i < count; ++i) EXPECT_NEAR(values[i], want[i], 2e-6) << "at " << i;
  });
}

TEST_P(Normal, DependsOnNeitherThreadsNorLength) {
  const int threads = thread_count();
  std::vector<float> one(50001), three(50001), fewer(20000);
  set_thread_count(1);
  fill_normal(one, 1, 3);
  set_thread_count(3);
  fill_normal(three, 1, 3);
  fill_normal(fewer, 1, 3);
  set_thread_count(threads);
  EXPECT_EQ(one, three);
  EXPECT_TRUE(std::equal(fewer.begin(), fewer.end(), one.begin()));
}

#if HWY_ARCH_X86
TEST(NormalBits, AreTheSameFromAvx2On) {
  if ((hwy::SupportedTargets() & HWY_AVX2) == 0) GTEST_SKIP() << "no AVX2";
  std::vector<float> best(100000), avx2(best.size());
  fill_normal(best, 1, 5);
  hwy::SetSupportedTargetsForTest(HWY_AVX2);
  fill_normal(avx2, 1, 5);
  hwy::SetSupportedTargetsForTest(0);
  EXPECT_EQ(best, avx2);
}
#endif

}  // namespace
}  // namespace anemone
