// Small stories of our own, so that training has something to learn where no data is at hand: characters with a nature
// and constant pronouns, places, goals, obstacles, helpers and morals, in twenty plots of several scenes, each scene in
// several wordings. A few hundred words of vocabulary; 60 to 170 words a story.
//
//   std::string story = synthetic_story(/*seed=*/42, /*index=*/0);
//   TRY(write_stories("stories.txt", {.stories = 12000, .seed = 42}, report));
//
// Story i of a seed is the same whatever the number of stories.
#pragma once

#include <cstdint>
#include <string>

#include "base/result.h"
#include "text/documents.h"

namespace anemone::text {

struct SyntheticOptions {
  int64_t stories = 12000;
  uint64_t seed = 42;
};

std::string synthetic_story(uint64_t seed, uint64_t index);

// Each story on a line of its own, followed by a line with kDocumentEnd. Appears whole or not at all.
Result<> write_stories(const std::string& path, SyntheticOptions options, const Report& report);

// "a apple" → "an apple", wherever an article stands before a vowel.
std::string with_articles(std::string text);

}  // namespace anemone::text
