// Encodes long texts fast: words come again and again, so the tokens of each are kept.
//
//   WordEncoder encoder(tokenizer);
//   encoder.encode(document, /*add_bos=*/true);          // the tokens of tokenizer.encode(document, true)
//
// They are the same because no piece reaches from one word into the next; a vocabulary that has such a piece encodes
// each text as a whole. (A unigram model adds up the scores of a word alone, not of the text before it too: where two
// ways to cut a word are equal but for rounding, it may choose the other.) The tokenizer and the texts must outlive it.
#pragma once

#include <cstdint>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "text/tokenizer.h"

namespace anemone::text {

class WordEncoder {
 public:
  explicit WordEncoder(const Tokenizer& tokenizer);

  std::vector<int32_t> encode(std::string_view text, bool add_bos);

 private:
  void append(std::string_view word, std::vector<int32_t>& tokens);

  const Tokenizer* tokenizer_;
  bool words_are_apart_;
  std::unordered_map<std::string_view, std::vector<int32_t>> kept_;
};

}  // namespace anemone::text
