#include "device/sim/choices.h"

#include <fmt/format.h>
#include <gmock/gmock.h>

#include <regex>
#include <set>
#include <string>

#include "base/file.h"

namespace anemone::sim {
namespace {

TEST(Choices, EachHasANameOfItsOwnAndSaysWhatAndWhy) {
  const std::regex kebab("[a-z0-9]+(-[a-z0-9]+)*");
  std::set<std::string_view> names;
  for (const ChoiceText& c : choices()) {
    EXPECT_TRUE(std::regex_match(std::string(c.name), kebab)) << c.name;
    EXPECT_TRUE(names.insert(c.name).second) << c.name;
    EXPECT_TRUE(c.chosen.ends_with('.') && c.why.ends_with('.')) << c.name;
    EXPECT_EQ(&describe(c.choice), &c);
  }
}

// The words of a text, whatever lines it is broken into.
std::string words(std::string_view text) {
  std::string joined;
  for (char c : text) {
    const bool space = c == ' ' || c == '\n';
    if (!space || (!joined.empty() && joined.back() != ' ')) joined += space ? ' ' : c;
  }
  return joined;
}

TEST(Choices, AreInTheDocumentation) {
  const std::string page = words(*read_text(ANEMONE_SOURCE_DIR "/docs/sim.md"));
  for (const ChoiceText& c : choices()) {
    const std::string entry = words(fmt::format("- **`{}`** {} *Why:* {}", c.name, c.chosen, c.why));
    EXPECT_THAT(page, testing::HasSubstr(entry)) << "docs/sim.md, What is not known";
  }
}

}  // namespace
}  // namespace anemone::sim
