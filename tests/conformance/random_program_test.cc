// Programs of random ops over random shapes, against ref. A failure names its seed.
#include "random_program.h"

#include "compare.h"

namespace anemone::conformance {
namespace {

class RandomPrograms : public testing::TestWithParam<Target> {};

TEST_P(RandomPrograms, AgreeWithRef) {
  for (uint64_t seed = 0; seed < 60; ++seed) {
    SCOPED_TRACE(fmt::format("seed {}", seed));
    Draft draft(element_type(GetParam().precision), seed);
    const auto function = random_program(draft, Integers::at_run_time);
    ASSERT_TRUE(function) << function.error().message;
    expect_as_ref(GetParam(), *function, draft.weights, {.seed = seed}, 128);
    if (HasFatalFailure()) return;
  }
}

INSTANTIATE_TEST_SUITE_P(Devices, RandomPrograms, testing::ValuesIn(targets()),
                         [](const auto& info) { return name_of(info.param); });

}  // namespace
}  // namespace anemone::conformance
