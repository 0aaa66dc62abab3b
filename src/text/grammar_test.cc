#include "text/grammar.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>

namespace anemone::text {
namespace {

using ::testing::AnyOf;
using ::testing::UnorderedElementsAre;

// Every text a rule gives over many seeds.
std::set<std::string> texts(std::string_view grammar, std::string_view rule = "start") {
  std::set<std::string> found;
  const Grammar parsed = Grammar::parse(grammar);
  for (uint64_t seed = 0; seed < 200; ++seed) {
    Random random(seed);
    found.insert(parsed.expand(rule, random));
  }
  return found;
}

TEST(Grammar, ChoosesAmongAlternativesAndPieces) {
  EXPECT_THAT(texts("start\n  <who> (sat|(slept|ran) well)\nwho\n  A\n"),
              UnorderedElementsAre("A sat", "A slept well", "A ran well"));
  EXPECT_THAT(texts("# comment\n\nstart\n  a (|very )long\n    line\n"),
              UnorderedElementsAre("a long line", "a very long line"));
}

TEST(Grammar, FreshExpansionsDifferWhereKeptOnesDoNot) {
  EXPECT_EQ(texts("start\n  <n><n>\nn\n  1\n  2\n").size(), 4u);
  EXPECT_THAT(texts("start\n  {n}{n}\nn\n  1\n  2\n"), UnorderedElementsAre("11", "22"));
}

TEST(Grammar, TwoKeptRulesNeverShareAnAlternative) {
  EXPECT_THAT(texts("start\n  {a}{b}{a}\na\n  <n>\nb\n  <n>\nn\n  1\n  2\n"), UnorderedElementsAre("121", "212"));
}

TEST(Grammar, PropertiesComeFromTheDeepestPlaceThatHasThem) {
  const std::string grammar = R"(
start
  {who}: {who.he} {who.kind} {Who.like}
who
  <girl> :: kind=child; like=likes {who}
girl :: he=she; kind=none
  Lily
  Mia :: kind=girl
)";
  EXPECT_THAT(texts(grammar), UnorderedElementsAre("Lily: she none Likes Lily", "Mia: she girl Likes Mia"));
}

TEST(Grammar, TheSameSeedGivesTheSameText) {
  const Grammar grammar = Grammar::parse("start\n  <n><n><n><n><n><n>\nn\n  1\n  2\n  3\n");
  Random a(7), b(7), c(8);
  const std::string text = grammar.expand("start", a);
  EXPECT_EQ(text, grammar.expand("start", b));
  EXPECT_NE(text, grammar.expand("start", c));
}

}  // namespace
}  // namespace anemone::text
