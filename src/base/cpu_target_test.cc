#include "base/cpu_target.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <hwy/highway.h>

#include <cstdlib>

#include "base/gemm.h"

namespace anemone {
namespace {

TEST(CpuTarget, SaysWhichNamesThereAre) {
  const auto unknown = cap_cpu_target("sse5");
  ASSERT_FALSE(unknown);
  EXPECT_THAT(unknown.error().message,
              testing::StartsWith("there is no CPU target sse5 for this kind of processor: choose "));
}

#if HWY_ARCH_X86
// In a process of its own, for a cap stays for the life of one and must stand before the first product.
[[noreturn]] void cap_and_tell(const char* name) {
  const bool capped = setenv(kCpuTargetVariable, name, 1) == 0 && cap_cpu_target_by_environment();
  const float two = 2;
  float four = 0;
  gemm({.m = 1, .n = 1, .k = 1, .lda = 1, .ldb = 1, .ldc = 1}, &two, &two, &four);
  const bool late = cap_cpu_target("sse4").has_value();
  fmt::print(stderr, "{} {} {} {} {}", capped, vector_instructions(), multiplies_bfloat16(), late, four);
  std::exit(0);
}

TEST(CpuTargetDeathTest, CapsKernelsAndProducts) {
  testing::FLAGS_gtest_death_test_style = "threadsafe";
  EXPECT_EXIT(cap_and_tell("sse4"), testing::ExitedWithCode(0), "true SSE4 false false 4");
  EXPECT_EXIT(cap_and_tell("avx2"), testing::ExitedWithCode(0), "true (AVX2|SSE4) false false 4");
  EXPECT_EXIT(cap_and_tell("avx512"), testing::ExitedWithCode(0), "true (AVX-512|AVX2|SSE4) false false 4");
  EXPECT_EXIT(cap_and_tell("avx512-bf16"), testing::ExitedWithCode(0), "true .+ (true|false) false 4");
  EXPECT_EXIT(cap_and_tell("mmx"), testing::ExitedWithCode(0), "false ");
}
#endif

}  // namespace
}  // namespace anemone
