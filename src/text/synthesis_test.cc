#include "text/synthesis.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <iterator>
#include <regex>
#include <set>
#include <sstream>

#include "base/file.h"
#include "text/grammar.h"
#include "text/story_grammar.h"

namespace anemone::text {
namespace {

using ::testing::HasSubstr;

constexpr uint64_t kSeed = 5;
constexpr uint64_t kStories = 3000;

std::vector<std::string> words_of(const std::string& story) {
  std::string letters = story;
  for (char& c : letters) {
    if (!std::isalpha(static_cast<unsigned char>(c)) && c != '\'') c = ' ';
  }
  std::istringstream stream(letters);
  return {std::istream_iterator<std::string>(stream), {}};
}

const std::vector<std::string>& stories() {
  static const std::vector<std::string> all = [] {
    std::vector<std::string> made;
    for (uint64_t i = 0; i < kStories; ++i) made.push_back(synthetic_story(kSeed, i));
    return made;
  }();
  return all;
}

TEST(Synthesis, StoriesAreShortAndOfFewWords) {
  std::set<std::string> vocabulary;
  size_t total = 0;
  for (const std::string& story : stories()) {
    const auto words = words_of(story);
    EXPECT_GE(words.size(), 60u) << story;
    EXPECT_LE(words.size(), 170u) << story;
    total += words.size();
    vocabulary.insert(words.begin(), words.end());
  }
  EXPECT_GT(total / kStories, 100u);
  EXPECT_GT(vocabulary.size(), 500u);
  EXPECT_LT(vocabulary.size(), 1200u);
}

TEST(Synthesis, NoTwoStoriesAreTheSame) {
  const std::set<std::string> distinct(stories().begin(), stories().end());
  EXPECT_EQ(distinct.size(), kStories);
}

TEST(Synthesis, WritesCorrectly) {
  const std::regex wrong(
      R"(  |[<>{}|()]|\ba [aeiou]|\ban [^aeiou]|\."? [a-z]| [.,!?]|[.,!?][a-zA-Z]|\.\.|\b(\w+) \1\b)");
  for (const std::string& story : stories()) {
    std::smatch found;
    EXPECT_FALSE(std::regex_search(story, found, wrong)) << "'" << found.str() << "' in " << story;
    EXPECT_EQ(std::count(story.begin(), story.end(), '"') % 2, 0) << story;
    EXPECT_TRUE(std::isupper(static_cast<unsigned char>(story[0]))) << story;
    EXPECT_THAT(story, testing::MatchesRegex(".*[.!]\"?")) << story;
  }
}

// Whom the opening names, it names with the right pronoun, and the story does not lose sight of.
TEST(Synthesis, TheHeroStaysTheSame) {
  const std::regex opening("(?:named|[a-z]+ name was) (\\w+)\\. (He|She) ");
  const std::set<std::string> hers = {"Lily", "Mia",  "Anna", "Sue",   "Lucy", "Emma",
                                      "Zoe",  "Ella", "Coco", "Bella", "Ruby"};
  int seen = 0;
  for (const std::string& story : stories()) {
    std::smatch found;
    if (!std::regex_search(story, found, opening)) continue;
    ++seen;
    EXPECT_EQ(found[2].str(), hers.contains(found[1].str()) ? "She" : "He") << story;
    EXPECT_NE(story.find(found[1].str(), story.size() / 3), std::string::npos) << story;
  }
  EXPECT_GT(seen, 1000);
}

TEST(Synthesis, WhatIsLostIsFound) {
  const std::regex lost("I lost my ([a-z ]+),\"");
  int seen = 0;
  for (const std::string& story : stories()) {
    std::smatch found;
    if (!std::regex_search(story, found, lost)) continue;
    ++seen;
    EXPECT_THAT(found.suffix().str(), HasSubstr("the " + found[1].str())) << story;
  }
  EXPECT_GT(seen, 50);
}

TEST(Synthesis, AStoryDependsOnSeedAndIndexAlone) {
  EXPECT_EQ(synthetic_story(kSeed, 17), stories()[17]);
  EXPECT_NE(synthetic_story(kSeed + 1, 17), stories()[17]);
}

TEST(Synthesis, EveryRuleOfTheGrammarIsUsed) {
  const std::string text = std::string(kStoryCast) + std::string(kStoryPlots) + std::string(kFriendshipPlots);
  const Grammar grammar = Grammar::parse(text);
  for (const auto& [name, rule] : grammar.rules()) {
    EXPECT_FALSE(rule.alternatives.empty()) << name;
    std::string capital = name;
    capital[0] = static_cast<char>(std::toupper(static_cast<unsigned char>(capital[0])));
    const std::regex use("[<{](" + name + "|" + capital + ")[.>}]");
    EXPECT_TRUE(name == "story" || std::regex_search(text, use)) << name;
  }
}

TEST(Synthesis, WritesDocumentsBetweenMarks) {
  const std::string path = testing::TempDir() + "anemone_stories_" + std::to_string(getpid()) + ".txt";
  int64_t reported = 0;
  ASSERT_TRUE(write_stories(path, {.stories = 2, .seed = kSeed}, [&](int64_t done, int64_t) { reported = done; }));
  EXPECT_EQ(read_text(path).value(), stories()[0] + "\n<|endoftext|>\n" + stories()[1] + "\n<|endoftext|>\n");
  EXPECT_EQ(reported, 2);
  std::filesystem::remove(path);
}

TEST(Synthesis, ArticlesFitTheNextWord) {
  EXPECT_EQ(with_articles("a apple and a old, a big owl; ana a"), "an apple and an old, a big owl; ana a");
}

}  // namespace
}  // namespace anemone::text
