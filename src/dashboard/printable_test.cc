#include "dashboard/printable.h"

#include <gtest/gtest.h>

namespace anemone::dashboard {
namespace {

TEST(Printable, NothingReachesTheTerminalsState) {
  EXPECT_EQ(printable("a\x1B[2Jb\r\n\x07\x7F"), "a [2Jb    ");
  EXPECT_EQ(printable("\xC2\x9B"
                      "31m"),
            " 31m");  // CSI in one character
  EXPECT_EQ(printable("ab\xE2\x80\xAE"
                      "cd\xEF\xBB\xBF"),
            "ab cd ");  // turns the direction; byte order mark
}

TEST(Printable, KeepsText) {
  EXPECT_EQ(printable("Zoë, 猫 and 🐱"), "Zoë, 猫 and 🐱");
  EXPECT_EQ(printable_lines("one\ntwo\tthree"), "one\ntwo three");
}

TEST(Printable, MendsBrokenUtf8) { EXPECT_EQ(printable("caf\xC3"), "caf\uFFFD"); }

}  // namespace
}  // namespace anemone::dashboard
