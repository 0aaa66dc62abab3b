#include "text/word_encoder.h"

#include <algorithm>

#include "text/tokenizer_model.h"

namespace anemone::text {
namespace {

constexpr size_t kMostWords = 1 << 20;  // kept, in about 100 MB
constexpr size_t kLongestWord = 64;     // bytes; what is longer hardly comes again

// A blank after anything else. The unknown token's surface has one too, but stands for a single character.
bool spans_words(std::string_view piece) {
  const size_t word = std::min(piece.find_first_not_of(' '), piece.size());
  return piece != kUnknownSurface && piece.find(' ', word) != piece.npos;
}

bool any_piece_spans_words(const Tokenizer& tokenizer) {
  for (int32_t id = 0; id < tokenizer.vocab_size(); ++id) {
    if (spans_words(tokenizer.piece(id))) return true;
  }
  return false;
}

bool is_graphic(char c) { return c > ' ' && c <= '~'; }

// The blank between two words, or the end: one blank between characters that no normalisation joins to it.
size_t end_of_word(std::string_view text) {
  for (size_t at = text.find(' '); at < text.size(); at = text.find(' ', at + 1)) {
    if (at > 0 && at + 1 < text.size() && is_graphic(text[at - 1]) && is_graphic(text[at + 1])) return at;
  }
  return text.size();
}

}  // namespace

WordEncoder::WordEncoder(const Tokenizer& tokenizer)
    : tokenizer_(&tokenizer), words_are_apart_(!any_piece_spans_words(tokenizer)) {}

std::vector<int32_t> WordEncoder::encode(std::string_view text, bool add_bos) {
  if (!words_are_apart_) return tokenizer_->encode(text, add_bos);
  std::vector<int32_t> tokens = tokenizer_->encode("", add_bos);
  while (!text.empty()) {
    const size_t end = end_of_word(text);
    append(text.substr(0, end), tokens);
    text.remove_prefix(std::min(end + 1, text.size()));  // the tokenizer puts the blank before the next word
  }
  return tokens;
}

void WordEncoder::append(std::string_view word, std::vector<int32_t>& tokens) {
  const auto found = kept_.find(word);
  if (found != kept_.end()) {
    tokens.insert(tokens.end(), found->second.begin(), found->second.end());
    return;
  }
  std::vector<int32_t> encoded = tokenizer_->encode(word, /*add_bos=*/false);
  tokens.insert(tokens.end(), encoded.begin(), encoded.end());
  if (word.size() <= kLongestWord && kept_.size() < kMostWords) kept_.emplace(word, std::move(encoded));
}

}  // namespace anemone::text
