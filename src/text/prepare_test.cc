#include "text/prepare.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>

#include "base/file.h"

namespace anemone::text {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::StartsWith;

class PrepareTest : public testing::Test {
 protected:
  PrepareTest() { std::filesystem::create_directories(folder_); }
  ~PrepareTest() override { std::filesystem::remove_all(folder_); }

  std::string write(const std::string& name, std::string_view text) {
    AtomicFile file = AtomicFile::create(folder_ + name).value();
    EXPECT_TRUE(file.write(text));
    EXPECT_TRUE(file.commit());
    return folder_ + name;
  }

  std::vector<std::string> files() {
    std::vector<std::string> names;
    for (const auto& entry : std::filesystem::directory_iterator(folder_)) names.push_back(entry.path().filename());
    std::sort(names.begin(), names.end());
    return names;
  }

  const std::string folder_ = testing::TempDir() + "anemone_prepare_" + std::to_string(getpid()) + "/";
};

std::string stories(int64_t count) {
  std::string text;
  for (int64_t i = 0; i < count; ++i) text += synthetic_story(3, static_cast<uint64_t>(i)) + "\n<|endoftext|>\n";
  return text;
}

std::vector<int32_t> all(const TokenFile& tokens) {
  std::vector<int32_t> ids(static_cast<size_t>(tokens.size()));
  tokens.copy(0, ids);
  return ids;
}

TEST(Documents, AreCutAtTheMarkAndTrimmed) {
  std::vector<std::string> seen;
  const auto visit = [&](std::string_view document) -> Result<> {
    seen.emplace_back(document);
    return {};
  };
  ASSERT_TRUE(for_each_document("a b\n<|endoftext|>\n\n c\n\nd<|endoftext|><|endoftext|> \n", visit));
  EXPECT_THAT(seen, ElementsAre("a b", "c\n\nd"));
  ASSERT_TRUE(for_each_document("last", visit));
  EXPECT_EQ(seen.back(), "last");
}

TEST(Documents, PartsEndAtSingleBlanks) {
  EXPECT_THAT(cut_at_blanks("aa bb  cc dd", 1), ElementsAre("aa", "bb  cc", "dd"));
  EXPECT_THAT(cut_at_blanks("aa bb  cc dd", 4), ElementsAre("aa bb  cc", "dd"));
  EXPECT_THAT(cut_at_blanks("aabb ", 1), ElementsAre("aabb "));
  EXPECT_THAT(cut_at_blanks("", 3), ElementsAre(""));
}

TEST(Documents, PartsGiveTheTokensOfTheWhole) {
  const std::string text = stories(20) + "two  blanks   and\n lines";
  const Tokenizer tokenizer = Tokenizer::parse(train_tokenizer(text, 500).value(), "t").value();
  std::vector<int32_t> tokens;
  for (std::string_view part : cut_at_blanks(text, 100)) {
    const auto more = tokenizer.encode(part, false);
    tokens.insert(tokens.end(), more.begin(), more.end());
  }
  EXPECT_EQ(tokens, tokenizer.encode(text, false));
}

TEST(TrainTokenizer, IsLlamasKind) {
  const std::string text = stories(100);
  const std::string model = train_tokenizer(text, 600).value();
  EXPECT_EQ(model, train_tokenizer(text, 600).value());
  const Tokenizer tokenizer = Tokenizer::parse(model, "t").value();
  EXPECT_EQ(tokenizer.vocab_size(), 600);
  EXPECT_EQ(tokenizer.bos(), 1);
  EXPECT_EQ(tokenizer.eos(), 2);
  EXPECT_EQ(tokenizer.piece(3 + 'A'), "A");
  EXPECT_THAT(tokenizer.encode("\n", false), testing::Contains(3 + '\n'));
  const std::string odd = "  A\tcaf\u00E9 \U0001F600, 1234\n\nand  more ";  // bytes, blanks and digits survive
  EXPECT_EQ(tokenizer.decode(tokenizer.encode(odd, true)), odd);
  EXPECT_LT(tokenizer.encode("Once upon a time, there was a little girl named", false).size(), 16u);
}

TEST(TrainTokenizer, SaysWhyItCannot) {
  EXPECT_THAT(train_tokenizer(" \n", 600).error().message, HasSubstr("holds no words"));
  EXPECT_THAT(train_tokenizer("a few words", 9000).error().message,
              StartsWith("cannot train a tokenizer of 9000 tokens on this text: Vocabulary size too high"));
  EXPECT_THAT(train_tokenizer("a few words", 100).error().message, HasSubstr("cannot train a tokenizer of 100 tokens"));
  EXPECT_THAT(train_tokenizer("a few words", -1).error().message, HasSubstr("cannot train a tokenizer of -1 tokens"));
}

TEST_F(PrepareTest, WritesTokensAndTheTokenizerItTrained) {
  const std::string input = write("in.txt", stories(50));
  int64_t done = 0, total = 0;
  const Report report = [&](int64_t d, int64_t t) { done = d, total = t; };
  const Prepared made =
      prepare({.input = input, .output = folder_ + "out.bin", .tokenizer = "", .vocab_size = 500}, report).value();
  EXPECT_EQ(made.documents, 50);
  EXPECT_EQ(made.vocab_size, 500);
  EXPECT_EQ(made.tokenizer, folder_ + "out.model");
  EXPECT_THAT(files(), ElementsAre("in.txt", "out.bin", "out.model"));
  EXPECT_EQ(done, total);
  const Tokenizer tokenizer = Tokenizer::load(made.tokenizer).value();
  const TokenFile tokens = TokenFile::open(folder_ + "out.bin", {.vocab_size = 500}).value();
  EXPECT_EQ(tokens.size(), made.tokens);
  const std::vector<int32_t> ids = all(tokens);
  EXPECT_EQ(ids[0], 1);
  EXPECT_EQ(std::count(ids.begin(), ids.end(), 1), 50);
  const auto second = std::find(ids.begin() + 1, ids.end(), 1);
  EXPECT_EQ(tokenizer.decode({ids.begin(), second}), synthetic_story(3, 0));
}

TEST_F(PrepareTest, UsesTheTokenizerGiven) {
  const std::string input = write("in.txt", "Once upon a time");
  const std::string tokenizer = ANEMONE_SOURCE_DIR "/../shared/data/tok512.bin";
  if (!std::filesystem::exists(tokenizer)) GTEST_SKIP() << "no " << tokenizer;
  ASSERT_TRUE(prepare({.input = input, .output = folder_ + "o.bin", .tokenizer = tokenizer}, {}));
  const TokenFile tokens = TokenFile::open(folder_ + "o.bin", {.vocab_size = 512}).value();
  EXPECT_THAT(all(tokens), ElementsAre(1, 403, 407, 261, 378));
  EXPECT_THAT(files(), ElementsAre("in.txt", "o.bin"));
}

TEST_F(PrepareTest, LeavesNothingBehindWhenItFails) {
  const std::string input = write("in.txt", " \n<|endoftext|>\n");
  const std::string tokenizer = write("t.model", train_tokenizer(stories(5), 400).value());
  const auto failed = prepare({.input = input, .output = folder_ + "o.bin", .tokenizer = tokenizer}, {});
  EXPECT_THAT(failed.error().message, HasSubstr("in.txt holds no text"));
  EXPECT_FALSE(prepare({.input = input, .output = folder_ + "o.bin"}, {}));
  EXPECT_FALSE(prepare({.input = folder_ + "none.txt", .output = folder_ + "o.bin"}, {}));
  EXPECT_FALSE(prepare({.input = tokenizer, .output = folder_ + "o.bin", .tokenizer = input}, {}));
  EXPECT_THAT(files(), ElementsAre("in.txt", "t.model"));
}

TEST(SyntheticCorpus, HoldsEveryStory) {
  const Corpus corpus = synthetic_corpus({.stories = {.stories = 60, .seed = 3}, .vocab_size = 450}, {}).value();
  EXPECT_EQ(corpus.documents, 60);
  EXPECT_EQ(corpus.tokenizer.vocab_size(), 450);
  const std::vector<int32_t> ids = all(corpus.tokens);
  const auto second = std::find(ids.begin() + 1, ids.end(), 1);
  EXPECT_EQ(corpus.tokenizer.decode({ids.begin(), second}), synthetic_story(3, 0));
  const Corpus again = synthetic_corpus({.stories = {.stories = 60, .seed = 3}, .vocab_size = 450}, {}).value();
  EXPECT_EQ(again.model, corpus.model);
  EXPECT_EQ(all(again.tokens), ids);
}

}  // namespace
}  // namespace anemone::text
