// Every test program's: GoogleTest's, with the cap on instruction sets that the environment names
// (`ANEMONE_CPU_TARGET=sse4 build/release/bin/conformance_test`).
#include <fmt/core.h>
#include <gmock/gmock.h>

#include "base/cpu_target.h"

int main(int argc, char** argv) {
  testing::InitGoogleMock(&argc, argv);
  if (const anemone::Result<> capped = anemone::cap_cpu_target_by_environment(); !capped) {
    fmt::print(stderr, "{}\n", capped.error().message);
    return 2;
  }
  return RUN_ALL_TESTS();
}
