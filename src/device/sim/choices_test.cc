#include "device/sim/choices.h"

#include <gtest/gtest.h>

#include <regex>
#include <set>
#include <string>

namespace anemone::sim {
namespace {

TEST(Choices, EachHasANameOfItsOwnAndSaysWhatAndWhy) {
  const std::regex kebab("[a-z0-9]+(-[a-z0-9]+)*");
  std::set<std::string_view> names;
  for (const ChoiceText& c : choices()) {
    EXPECT_TRUE(std::regex_match(std::string(c.name), kebab)) << c.name;
    EXPECT_TRUE(names.insert(c.name).second) << c.name;
    EXPECT_FALSE(c.chosen.empty() || c.why.empty()) << c.name;
    EXPECT_EQ(&describe(c.choice), &c);
  }
}

}  // namespace
}  // namespace anemone::sim
