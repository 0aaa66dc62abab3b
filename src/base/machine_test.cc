#include "base/machine.h"

#include <gtest/gtest.h>

namespace anemone {
namespace {

TEST(Machine, TellsWhatAnySystemTells) {
  const Machine machine = this_machine();
  EXPECT_GE(machine.threads, 1);
  EXPECT_LE(machine.cores, machine.threads);
  EXPECT_GT(machine.memory_bytes, int64_t{64} << 20);
  for (const std::string& text : {machine.os, machine.version, machine.compiler, machine.build_type}) {
    EXPECT_FALSE(text.empty());
  }
}

TEST(Machine, ListsCachesOfDataFromSmallToLarge) {
  const std::vector<Cache> caches = this_machine().caches;
  for (size_t i = 0; i < caches.size(); ++i) {
    EXPECT_GE(caches[i].bytes, 1 << 10);
    EXPECT_LE(caches[i].bytes, int64_t{4} << 30);
    EXPECT_GT(caches[i].level, i == 0 ? 0 : caches[i - 1].level);
  }
}

}  // namespace
}  // namespace anemone
