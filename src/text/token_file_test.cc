#include "text/token_file.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>

#include "text/token_stats.h"

namespace anemone::text {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

class TokenFileTest : public testing::Test {
 protected:
  TokenFileTest() { std::filesystem::remove(path_); }
  ~TokenFileTest() override { std::filesystem::remove(path_); }

  void write(std::string_view bytes) {
    AtomicFile file = AtomicFile::create(path_).value();
    ASSERT_TRUE(file.write(bytes));
    ASSERT_TRUE(file.commit());
  }

  std::string message(TokenFileNeeds needs) {
    const auto tokens = TokenFile::open(path_, needs);
    return tokens ? "opened" : tokens.error().message;
  }

  const std::string path_ = testing::TempDir() + "anemone_tokens_" + std::to_string(getpid()) + ".bin";
};

TEST_F(TokenFileTest, ReadsLittleEndianIdsOfTheVocabularysWidth) {
  write(std::string_view("\x01\x02\x03\x00\xFF\x7F\x00\x00", 8));
  const TokenFile narrow = TokenFile::open(path_, {.vocab_size = 65536, .sequence = 3}).value();
  ASSERT_EQ(narrow.size(), 4);
  EXPECT_EQ(narrow[0], 0x0201);
  std::vector<int32_t> ids(3);
  narrow.copy(1, ids);
  EXPECT_THAT(ids, ElementsAre(3, 0x7FFF, 0));
  const TokenFile wide = TokenFile::open(path_, {.vocab_size = 300000}).value();
  ASSERT_EQ(wide.size(), 2);
  EXPECT_EQ(wide[0], 0x00030201);
}

TEST_F(TokenFileTest, WhatIsWrittenIsRead) {
  for (const int64_t vocab_size : {65536, 65537}) {
    const std::vector<int32_t> ids = {0, 1, 65535, 7};
    TokenWriter writer = TokenWriter::create(path_, vocab_size).value();
    ASSERT_TRUE(writer.append(ids));
    ASSERT_TRUE(writer.append(ids));
    EXPECT_EQ(writer.size(), 8);
    ASSERT_TRUE(writer.commit());
    EXPECT_EQ(std::filesystem::file_size(path_), 8u * (vocab_size > 65536 ? 4 : 2));
    const TokenFile tokens = TokenFile::open(path_, {.vocab_size = vocab_size}).value();
    const TokenFile memory = TokenFile::in_memory(ids, vocab_size);
    for (int i = 0; i < 4; ++i) {
      EXPECT_EQ(tokens[i + 4], ids[i]);
      EXPECT_EQ(memory[i], ids[i]);
    }
  }
}

TEST_F(TokenFileTest, NothingAppearsWithoutCommit) {
  {
    TokenWriter writer = TokenWriter::create(path_, 10).value();
    ASSERT_TRUE(writer.append(std::vector<int32_t>{1, 2}));
  }
  EXPECT_FALSE(std::filesystem::exists(path_));
}

TEST_F(TokenFileTest, NamesWhatIsWrong) {
  EXPECT_THAT(message({.vocab_size = 10}), HasSubstr("cannot open " + path_));
  write("");
  EXPECT_THAT(message({.vocab_size = 10}), HasSubstr("is empty: make a token file"));
  write("abc");
  EXPECT_THAT(message({.vocab_size = 10}), HasSubstr("has 3 bytes, not a multiple of the 2 of a token"));
  write(std::string_view("\x01\0\x02\0", 4));
  EXPECT_THAT(message({.vocab_size = 10, .sequence = 2}), HasSubstr("holds 2 tokens, but a sequence of 2 needs 3"));
  EXPECT_EQ(message({.vocab_size = 3, .sequence = 1}), "opened");
  EXPECT_THAT(message({.vocab_size = 2}), HasSubstr("holds token 2 at offset 2, outside the vocabulary of 2"));
}

TEST_F(TokenFileTest, FindsAnIdOutOfRangeInAnyBlock) {
  for (const int64_t vocab_size : {1000, 100000}) {
    for (const size_t at : {0u, 4095u, 4096u, 9999u}) {
      std::vector<int32_t> ids(10000, 999);
      ids[at] = static_cast<int32_t>(vocab_size);
      TokenWriter writer = TokenWriter::create(path_, vocab_size + 1).value();
      ASSERT_TRUE(writer.append(ids));
      ASSERT_TRUE(writer.commit());
      const auto offset = fmt::format("at offset {}", at * (vocab_size > 65536 ? 4 : 2));
      EXPECT_THAT(message({.vocab_size = vocab_size}), HasSubstr(offset));
    }
  }
  write(std::string_view("\xFF\xFF\xFF\xFF", 4));  // negative as an int32
  EXPECT_THAT(message({.vocab_size = 100000}), HasSubstr("holds token 4294967295 at offset 0"));
}

TEST(TokenStats, CountsIdsAndDocuments) {
  const TokenStats stats = token_stats(TokenFile::in_memory(std::vector<int32_t>{1, 7, 7, 3, 1, 9}, 10), /*bos=*/1);
  EXPECT_EQ(stats.smallest, 1);
  EXPECT_EQ(stats.largest, 9);
  EXPECT_EQ(stats.used, 4);
  EXPECT_EQ(stats.documents, 2);
  EXPECT_EQ(token_stats(TokenFile::in_memory(std::vector<int32_t>{5}, 10), -1).documents, 0);
}

}  // namespace
}  // namespace anemone::text
