#include "text/tokenizer.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <filesystem>

#include "base/file.h"
#include "text/utf8.h"

namespace anemone::text {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

const std::string kData = ANEMONE_SOURCE_DIR "/../shared/data/";

#define SKIP_WITHOUT_DATA() \
  if (!std::filesystem::exists(kData + "tokenizer.bin")) GTEST_SKIP() << "no " << kData

std::string message(const std::string& bytes) {
  const auto tokenizer = Tokenizer::parse(bytes, "v.bin");
  return tokenizer ? "loaded" : tokenizer.error().message;
}

template <class T>
void put(std::string& bytes, T value) {
  bytes.append(reinterpret_cast<const char*>(&value), sizeof(T));
}

struct Piece {
  std::string text;
  float score = 0;
};

// A tokenizer.bin with the control and byte tokens, then `pieces` from id 259 on.
std::string vocabulary(const std::vector<Piece>& pieces, int32_t longest = 16) {
  std::string bytes;
  const auto add = [&](const std::string& text, float score) {
    put(bytes, score);
    put(bytes, static_cast<int32_t>(text.size()));
    bytes += text;
  };
  put(bytes, longest);
  for (const char* control : {"<unk>", "\n<s>\n", "\n</s>\n"}) add(control, 0);
  for (int byte = 0; byte < 256; ++byte) add(fmt::format("<0x{:02X}>", byte), 0);
  for (const Piece& piece : pieces) add(piece.text, piece.score);
  return bytes;
}

// The encoding by its definition: look at every pair, merge the best, start again.
std::vector<int32_t> encode_slowly(const std::vector<Piece>& pieces, std::string text) {
  const auto find = [&](const std::string& wanted) {
    for (size_t i = 0; i < pieces.size(); ++i) {
      if (pieces[i].text == wanted) return static_cast<int>(i);
    }
    return -1;
  };
  std::vector<int> symbols;  // index of the piece, or −1 − byte
  for (char c : ' ' + text) {
    const int piece = find(std::string(1, c));
    symbols.push_back(piece >= 0 ? piece : -1 - static_cast<uint8_t>(c));
  }
  while (true) {
    float best_score = -1e10f;
    size_t best = symbols.size();
    int merged = -1;
    for (size_t i = 0; i + 1 < symbols.size(); ++i) {
      if (symbols[i] < 0 || symbols[i + 1] < 0) continue;
      const int piece = find(pieces[symbols[i]].text + pieces[symbols[i + 1]].text);
      if (piece < 0 || pieces[piece].score <= best_score) continue;
      best_score = pieces[piece].score, best = i, merged = piece;
    }
    if (best == symbols.size()) break;
    symbols[best] = merged;
    symbols.erase(symbols.begin() + static_cast<int64_t>(best) + 1);
  }
  std::vector<int32_t> tokens;
  for (int symbol : symbols) tokens.push_back(symbol >= 0 ? 259 + symbol : 3 - 1 - symbol);
  return tokens;
}

TEST(Llama2cTokenizer, EncodesAsTheDefinitionDoes) {
  const std::vector<Piece> pieces = {{" ", -9},  {"a", -9},  {"b", -9},   {"c", -9},  {"ab", -3},  {"bc", -2},
                                     {" a", -4}, {"aa", -3}, {"abc", -5}, {"ca", -3}, {"aab", -1}, {"aaaa", -2e10f}};
  const Tokenizer tokenizer = Tokenizer::parse(vocabulary(pieces), "v.bin").value();
  uint32_t state = 1;
  for (int length = 0; length < 60; ++length) {
    std::string text = "a";
    for (int i = 0; i < length; ++i) text += "abcd"[(state = state * 1664525 + 1013904223) >> 30];
    EXPECT_EQ(tokenizer.encode(text, false), encode_slowly(pieces, text)) << text;
  }
}

TEST(Llama2cTokenizer, WritesUnknownCharactersAsBytesAndNeverControlTokens) {
  const Tokenizer tokenizer = Tokenizer::parse(vocabulary({{" ", -1}, {"a", -2}}), "v.bin").value();
  EXPECT_THAT(tokenizer.encode("a\u00E9", true), ElementsAre(1, 259, 260, 3 + 0xC3, 3 + 0xA9));
  EXPECT_THAT(tokenizer.encode("", true), ElementsAre(1));
  EXPECT_THAT(tokenizer.encode("\n<s>\n", false), testing::Not(testing::Contains(1)));
}

TEST(Tokenizer, Llama2cFileAndSentencePieceModelAgreeOnRealText) {
  SKIP_WITHOUT_DATA();
  const Tokenizer file = Tokenizer::load(kData + "tokenizer.bin").value();
  const Tokenizer model = Tokenizer::load(kData + "tokenizer.model").value();
  const std::string text = read_text(kData + "tinystories_sample.txt").value();
  ASSERT_EQ(file.vocab_size(), 32000);
  ASSERT_EQ(model.vocab_size(), 32000);
  EXPECT_EQ(file.bos(), model.bos());
  EXPECT_EQ(file.eos(), model.eos());
  const auto tokens = file.encode(text, true);
  EXPECT_EQ(tokens, model.encode(text, true));
  EXPECT_EQ(file.decode(tokens), text);
  EXPECT_EQ(model.decode(tokens), text);
  const std::string odd = "  two  blanks\tand \u4F60\u597D \U0001F600, na\u00EFve 3.14\n\n\u2047";
  EXPECT_EQ(file.encode(odd, false), model.encode(odd, false));
  EXPECT_EQ(file.decode(file.encode(odd, true)), odd);
  for (int32_t id = 0; id < 32000; ++id) EXPECT_EQ(file.piece(id), model.piece(id)) << id;
}

TEST(Tokenizer, KnowsTheSeedsFirstTokens) {
  SKIP_WITHOUT_DATA();
  const Tokenizer tokenizer = Tokenizer::load(kData + "tokenizer.bin").value();
  const std::vector<int32_t> tokens = {1, 365, 2354, 322, 4111, 526, 7875, 29889, 2688, 763};
  EXPECT_EQ(tokenizer.decode(tokens), "Lily and Ben are friends. They like");
  EXPECT_EQ(tokenizer.encode("Lily and Ben are friends. They like", true), tokens);
}

TEST(Tokenizer, LoadsTheSmallVocabulary) {
  SKIP_WITHOUT_DATA();
  const Tokenizer tokenizer = Tokenizer::load(kData + "tok512.bin").value();
  EXPECT_EQ(tokenizer.vocab_size(), 512);
  EXPECT_THAT(tokenizer.encode("Once upon a time", true), ElementsAre(1, 403, 407, 261, 378));
}

TEST(Tokenizer, NamesWhatIsWrongWithAFile) {
  const std::string whole = vocabulary({{"abc", -1}});
  EXPECT_THAT(message(""), HasSubstr("v.bin is empty"));
  EXPECT_THAT(message("hello, this is no tokenizer"), HasSubstr("v.bin is neither a SentencePiece model nor"));
  EXPECT_THAT(message(whole.substr(0, whole.size() - 1)), HasSubstr("v.bin is cut short: 1 bytes are missing"));
  EXPECT_THAT(message(whole.substr(0, whole.size() - 9)), HasSubstr("cut short"));
  EXPECT_THAT(message(whole.substr(0, 4 + 13 + 13 + 14 + 14)), HasSubstr("token 4 must be <0x01>"));
  EXPECT_THAT(message(vocabulary({{"abc", -1}}, 5)), HasSubstr("a token of 6 bytes at offset 34"));
  std::string negative = whole;
  const int32_t length = -1;
  std::memcpy(negative.data() + 8, &length, 4);
  EXPECT_THAT(message(negative), HasSubstr("a token of -1 bytes at offset 8"));
  EXPECT_THAT(message(vocabulary({{"abc", NAN}})), HasSubstr("not a number"));
  EXPECT_EQ(message(whole), "loaded");
  EXPECT_THAT(Tokenizer::load("/nowhere/t.model").error().message, HasSubstr("/nowhere/t.model"));
}

TEST(Decoder, HoldsBytesBackUntilACharacterIsWhole) {
  const Tokenizer tokenizer = Tokenizer::parse(vocabulary({{" ", -1}, {" a", -2}}), "v.bin").value();
  Decoder decoder(tokenizer);
  std::vector<std::string> shown;
  for (int byte : {0xF0, 0x9F, 0x98, 0x80, int{'x'}}) shown.push_back(decoder.next(3 + byte));
  EXPECT_THAT(shown, ElementsAre("", "", "", "\U0001F600", "x"));
  EXPECT_EQ(decoder.next(3 + 0xE2), "");
  EXPECT_EQ(decoder.next(260), "\uFFFD a");  // the sequence broke off
  EXPECT_EQ(decoder.next(3 + 0xFF), "\uFFFD");
  EXPECT_EQ(decoder.next(3 + 0xE2), "");
  EXPECT_EQ(decoder.finish(), "\uFFFD");
  EXPECT_EQ(decoder.finish(), "");
}

TEST(Decoder, DropsOneBlankAtTheStartAndAfterBos) {
  const Tokenizer tokenizer = Tokenizer::parse(vocabulary({{" ", -1}, {" a", -2}}), "v.bin").value();
  EXPECT_EQ(tokenizer.decode(std::vector<int32_t>{260, 260}), "a a");
  EXPECT_EQ(tokenizer.decode(std::vector<int32_t>{1, 260, 260, 1, 260, 2}), "a aa");
  EXPECT_EQ(tokenizer.decode(std::vector<int32_t>{1, 259, 260}), " a");
}

TEST(Utf8, AcceptsExactlyTheWellFormed) {
  EXPECT_EQ(valid_utf8("a\u00E9\u4F60\U0001F600"), "a\u00E9\u4F60\U0001F600");
  EXPECT_EQ(valid_utf8("\xC0\x80"), "\uFFFD\uFFFD");                      // overlong
  EXPECT_EQ(valid_utf8("\xED\xA0\x80"), "\uFFFD\uFFFD\uFFFD");            // a surrogate
  EXPECT_EQ(valid_utf8("\xF4\x90\x80\x80"), "\uFFFD\uFFFD\uFFFD\uFFFD");  // beyond U+10FFFF
  EXPECT_EQ(valid_utf8("\xE2\x82z"), "\uFFFDz");
  EXPECT_THAT(valid_utf8(""), IsEmpty());
}

}  // namespace
}  // namespace anemone::text
