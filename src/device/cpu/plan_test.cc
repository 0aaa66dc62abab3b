#include "device/cpu/plan.h"

#include <gtest/gtest.h>

#include "base/random.h"

namespace anemone::cpu {
namespace {

TEST(Plan, BuffersThatLiveAtOnceNeverOverlap) {
  Random random(5);
  Plan plan;
  for (int i = 0; i < 200; ++i) {
    const auto first = int64_t(random.below(100));
    plan.buffers.push_back(
        {.floats = int64_t(1 + random.below(1000)), .first = first, .last = first + int64_t(random.below(20))});
  }
  place_buffers(plan);
  for (size_t i = 0; i < plan.buffers.size(); ++i) {
    const PlanBuffer& a = plan.buffers[i];
    EXPECT_LE(a.offset + a.floats, plan.arena_floats);
    for (size_t j = 0; j < i; ++j) {
      const PlanBuffer& b = plan.buffers[j];
      const bool meet = a.first <= b.last && b.first <= a.last;
      const bool overlap = a.offset < b.offset + b.floats && b.offset < a.offset + a.floats;
      EXPECT_FALSE(meet && overlap) << i << ", " << j;
    }
  }
}

TEST(Plan, BuffersThatNeverMeetShareMemory) {
  Plan plan;
  for (int64_t i = 0; i < 10; ++i) plan.buffers.push_back({.floats = 64, .first = i, .last = i});
  place_buffers(plan);
  EXPECT_EQ(plan.arena_floats, 64);
}

}  // namespace
}  // namespace anemone::cpu
