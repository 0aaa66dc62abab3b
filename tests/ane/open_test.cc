// Systems that have no framework, or another one: a sentence each.
#include "double_control.h"

namespace anemone {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::MatchesRegex;

// What `anemone devices` says of ane.
std::string told(const std::string& environment) {
  const std::string command = environment + " " ANEMONE_BINARY " devices";
  std::string text;
  FILE* pipe = popen(command.c_str(), "r");
  for (int c = fgetc(pipe); c != EOF; c = fgetc(pipe)) text += char(c);
  EXPECT_EQ(pclose(pipe), 0);
  const size_t at = text.find("\nane ");
  EXPECT_NE(at, text.npos) << text;
  return text.substr(at + 1, text.find('\n', at + 1) - at - 1);
}

std::string with(const std::string& library) { return "ANEMONE_ANE_FRAMEWORK=" + library; }

TEST(AneOpen, FindsTheDouble) {
  EXPECT_THAT(told(with(ANEMONE_ANE_DOUBLE)), MatchesRegex("ane +Neural Engine h00double of .*"));
}

TEST(AneOpen, SaysThatThereIsNoFramework) {
  EXPECT_THAT(told("ANEMONE_ANE_FRAMEWORK="),
              AllOf(HasSubstr("unavailable: the Neural Engine cannot be driven here"), HasSubstr("use sim:m4")));
}

TEST(AneOpen, SaysThatThereIsNoEngine) {
  EXPECT_THAT(told("ANEMONE_ANE_DOUBLE_ABSENT=1 " + with(ANEMONE_ANE_DOUBLE)), HasSubstr("no Neural Engine"));
}

TEST(AneOpen, SaysThatThereIsNoObjectiveC) {
  EXPECT_THAT(told(with("libm.so.6")), HasSubstr("no Objective-C runtime: objc_getClass"));
}

TEST(AneOpen, SaysWhichClassIsMissing) {
  EXPECT_THAT(told(with(ANEMONE_ANE_WITHOUT_CLASSES)), HasSubstr("there is no class _ANEInMemoryModelDescriptor"));
}

TEST(AneOpen, SaysWhichMethodIsOfAnotherType) {
  EXPECT_THAT(told(with(ANEMONE_ANE_CHANGED)),
              AllOf(HasSubstr("+[_ANEInMemoryModelDescriptor modelWithMILText:weights:optionsPlist:] is of type"),
                    HasSubstr("not of one like @@@@@@")));
}

}  // namespace
}  // namespace anemone
