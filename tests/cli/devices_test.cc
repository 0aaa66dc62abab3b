// `anemone devices` and the cap on instruction sets, as people use them.
#include <gmock/gmock.h>
#include <hwy/highway.h>

#include <filesystem>

#include "process.h"

namespace anemone {
namespace {

using testing::HasSubstr;
using testing::Not;

cli::Outcome run(const std::string& command) {
  const std::string folder = testing::TempDir() + "anemone_cli_devices";
  std::filesystem::create_directories(folder);
  return cli::run({"-c", command}, folder, "/bin/sh");
}

TEST(DevicesCommand, ListsThem) {
  const cli::Outcome outcome = run(ANEMONE_BINARY " devices");
  EXPECT_EQ(outcome.code, 0);
  EXPECT_THAT(outcome.out, HasSubstr("cpu  "));
  EXPECT_THAT(outcome.out, HasSubstr(" vectors"));
  EXPECT_THAT(outcome.out, HasSubstr("ref  "));
}

#if HWY_ARCH_X86
TEST(DevicesCommand, ShowsTheCapOnInstructions) {
  const cli::Outcome outcome = run("ANEMONE_CPU_TARGET=sse4 " ANEMONE_BINARY " devices");
  EXPECT_EQ(outcome.code, 0);
  EXPECT_THAT(outcome.out, HasSubstr("SSE4 vectors"));
  EXPECT_THAT(outcome.out, Not(HasSubstr("bfloat16")));
}
#endif

TEST(DevicesCommand, RefusesAnUnknownCapInOneSentence) {
  const cli::Outcome outcome = run("ANEMONE_CPU_TARGET=mmx " ANEMONE_BINARY " devices");
  EXPECT_EQ(outcome.code, 2);
  EXPECT_EQ(outcome.out, "");
  EXPECT_THAT(outcome.err, testing::MatchesRegex("anemone: there is no CPU target mmx [^\n]+: choose [^\n]+\n"));
  EXPECT_EQ(run("ANEMONE_CPU_TARGET=mmx " ANEMONE_BINARY " --help").code, 0);
}

}  // namespace
}  // namespace anemone
