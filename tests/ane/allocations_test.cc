// Runs of requests allocate nothing with `new`. The double computes nothing meanwhile, for its interpreter would.
#include <cstdlib>

#include "device/allocations_testing.h"
#include "device/engine_calls.h"
#include "device/host_surface.h"
#include "double_control.h"

namespace anemone {
namespace {

class AneAllocations : public WithDouble {
 protected:
  // Of further runs, behind the first.
  int64_t of_runs(Request& request) {
    EXPECT_TRUE(request.run());
    const int64_t before = allocations();
    for (int i = 0; i < 3; ++i) EXPECT_TRUE(request.run());
    return allocations() - before;
  }
  int64_t of_program() {
    const Doubling doubling;
    const auto program = device().compile(doubling.function, doubling.weights).value();
    Bound bound(device(), *program);
    ane_double().set_computing(0);
    return of_runs(*program->bind(bound.in(), bound.out()).value());
  }
};

TEST_F(AneAllocations, AreCounted) {
  const int64_t before = allocations();
  EXPECT_TRUE(device().allocate(512));
  EXPECT_GT(allocations(), before);
}

TEST_F(AneAllocations, OfARunAreNone) { EXPECT_EQ(of_program(), 0); }

TEST_F(AneAllocations, OfARunInRealTimeAreNone) {
  ASSERT_TRUE(device().engine_calls()->begin_real_time());
  EXPECT_EQ(of_program(), 0);
  EXPECT_TRUE(device().engine_calls()->end_real_time());
}

TEST_F(AneAllocations, OfARunWithCopiesAreNone) {
  const Doubling doubling;
  const auto program = device().compile(doubling.function, doubling.weights).value();
  HostSurface x(512), y(512);
  ane_double().set_computing(0);
  EXPECT_EQ(of_runs(*program->bind({&x}, {&y}).value()), 0);
}

TEST_F(AneAllocations, OfARunInAWorkerAreNone) {
  setenv("ANEMONE_ANE_COMPILES", "1", 1);
  EXPECT_EQ(of_program(), 0);
  setenv("ANEMONE_ANE_COMPILES", "1000000", 1);
}

}  // namespace
}  // namespace anemone
