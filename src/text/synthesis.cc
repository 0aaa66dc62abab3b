#include "text/synthesis.h"

#include "base/file.h"
#include "base/random.h"
#include "text/grammar.h"
#include "text/story_grammar.h"

namespace anemone::text {
namespace {

const Grammar& story_grammar() {
  static const Grammar grammar =
      Grammar::parse(std::string(kStoryCast) + std::string(kStoryPlots) + std::string(kFriendshipPlots));
  return grammar;
}

bool is_vowel(char c) { return std::string_view("aeiou").find(c) != std::string_view::npos; }

}  // namespace

std::string with_articles(std::string text) {
  for (size_t at = text.find("a "); at != text.npos; at = text.find("a ", at + 1)) {
    const bool is_word = at == 0 || text[at - 1] == ' ';
    if (is_word && at + 2 < text.size() && is_vowel(text[at + 2])) text.insert(at + 1, "n");
  }
  return text;
}

std::string synthetic_story(uint64_t seed, uint64_t index) {
  constexpr uint64_t kDrawsPerStory = 1 << 20;  // more than a story takes: no two stories share a draw
  Random random(seed, index * kDrawsPerStory);
  return with_articles(story_grammar().expand("story", random));
}

Result<> write_stories(const std::string& path, SyntheticOptions options, const Report& report) {
  AtomicFile file = TRY(AtomicFile::create(path));
  for (int64_t i = 0; i < options.stories; ++i) {
    TRY(file.write(fmt::format("{}\n{}\n", synthetic_story(options.seed, static_cast<uint64_t>(i)), kDocumentEnd)));
    if (report) report(i + 1, options.stories);
  }
  return file.commit();
}

}  // namespace anemone::text
