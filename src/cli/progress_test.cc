#include "cli/progress.h"

#include <gtest/gtest.h>

namespace anemone::cli {
namespace {

using Unit = Progress::Unit;

TEST(Progress, TellsShareAmountSpeedAndTimeLeft) {
  EXPECT_EQ(progress_line("steps", Unit::count, 41, 100, 2.5), "steps   41 %  41 of 100  2.5/s  0:24 left");
  EXPECT_EQ(progress_line("data", Unit::bytes, 3'000'000, 7'300'000, 500'000),
            "data   41 %  3.0 of 7.3 MB  0.5 MB/s  0:09 left");
  EXPECT_EQ(progress_line("long", Unit::count, 0, 7322, 1), "long    0 %  0 of 7322  1.0/s  2:02:02 left");
}

TEST(Progress, LeavesOutWhatIsUnknown) {
  EXPECT_EQ(progress_line("data", Unit::bytes, 1'500'000, 0, 0), "data  1.5 MB");
  EXPECT_EQ(progress_line("done", Unit::count, 5, 5, 20), "done  100 %  5 of 5  20/s");
}

TEST(Progress, WritesThePlainLastStateOnceWhereThereIsNoTerminal) {
  std::FILE* file = std::tmpfile();
  {
    Progress progress("work", Unit::count, file);
    for (int i = 0; i <= 1000; ++i) progress.update(i, 1000, "loss 2.3");
    progress.finish();
  }
  std::string text(static_cast<size_t>(std::ftell(file)), ' ');
  std::rewind(file);
  ASSERT_EQ(std::fread(text.data(), 1, text.size(), file), text.size());
  std::fclose(file);
  EXPECT_TRUE(text.starts_with("work  100 %  1000 of 1000  ")) << text;
  EXPECT_TRUE(text.ends_with("/s  loss 2.3\n")) << text;
  EXPECT_EQ(text.find('\r'), text.npos);
}

TEST(Progress, IsSilentWhereNothingHappened) {
  std::FILE* file = std::tmpfile();
  Progress("work", Unit::count, file).finish();
  EXPECT_EQ(std::ftell(file), 0);
  std::fclose(file);
}

}  // namespace
}  // namespace anemone::cli
