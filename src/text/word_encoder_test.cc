#include "text/word_encoder.h"

#include <gtest/gtest.h>

#include <string>

#include "text/prepare.h"
#include "text/synthesis.h"

namespace anemone::text {
namespace {

std::string stories() {
  std::string text;
  for (uint64_t i = 0; i < 60; ++i) text += synthetic_story(3, i) + (i % 7 == 0 ? "\n" : " ");
  return text;
}

// Blanks of every kind, words longer than are kept, bytes that are no UTF-8, and pieces of nothing.
const std::string kOdd[] = {"",
                            " ",
                            "  ",
                            "a",
                            " a",
                            "a ",
                            " a b  c   d e ",
                            "one\ttwo \t three \n four\nfive",
                            std::string(70, 'x') + " " + std::string(70, 'x') + " y",
                            "caf\u00E9 \u00E9t\u00E9 a\u00A0b \u2581 x \u2581y z\u2581 12 3 4",
                            "\xFF \xFE\x80 a \xC3 b",
                            "<s> </s> <unk> <0x41> a"};

void expect_same(const Tokenizer& tokenizer, WordEncoder& encoder, std::string_view text) {
  for (bool add_bos : {false, true}) EXPECT_EQ(encoder.encode(text, add_bos), tokenizer.encode(text, add_bos)) << text;
}

void expect_same_of_all(const Tokenizer& tokenizer) {
  const std::string text = stories();
  WordEncoder encoder(tokenizer);
  for (int time = 0; time < 2; ++time) {  // the second time from what was kept
    expect_same(tokenizer, encoder, text);
    for (const std::string& odd : kOdd) expect_same(tokenizer, encoder, odd);
  }
}

TEST(WordEncoder, GivesATrainedTokenizersTokens) {
  for (int64_t vocab : {400, 700}) {
    expect_same_of_all(Tokenizer::parse(train_tokenizer(stories(), vocab).value(), "t").value());
  }
}

void put(std::string& bytes, const void* value, size_t size) { bytes.append(static_cast<const char*>(value), size); }

// A tokenizer.bin with the control and byte tokens, then `pieces`, the later the better.
Tokenizer vocabulary(const std::vector<std::string>& pieces) {
  std::string bytes;
  float score = 0;
  const auto add = [&](const std::string& text) {
    const auto length = static_cast<int32_t>(text.size());
    put(bytes, &score, sizeof score);
    put(bytes, &length, sizeof length);
    bytes += text;
  };
  const int32_t longest = 16;
  put(bytes, &longest, sizeof longest);
  for (const char* control : {"<unk>", "\n<s>\n", "\n</s>\n"}) add(control);
  for (int byte = 0; byte < 256; ++byte) add(fmt::format("<0x{:02X}>", byte));
  for (const std::string& piece : pieces) ++score, add(piece);
  return Tokenizer::parse(bytes, "v.bin").value();
}

TEST(WordEncoder, GivesALlama2cVocabularysTokens) {
  const std::vector<std::string> letters = {" ", "a",  "b",  "c",  "e",  "h",   "n",
                                            "t", "  ", " a", " t", "th", "the", " the"};
  expect_same_of_all(vocabulary(letters));
}

// "a b" is one token of this vocabulary: words encoded apart would be three.
TEST(WordEncoder, EncodesAsAWholeWherePiecesSpanWords) {
  const Tokenizer tokenizer = vocabulary({" ", "a", "b", "a ", "a b"});
  EXPECT_EQ(tokenizer.encode("a b", false).size(), 2u);  // the blank before, "a b"
  expect_same_of_all(tokenizer);
}

}  // namespace
}  // namespace anemone::text
