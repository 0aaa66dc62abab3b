// What a vocabulary file becomes: the bytes of each token and a way to cut text into tokens. One subclass a format.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace anemone::text {

class TokenizerModel {
 public:
  virtual ~TokenizerModel() = default;
  virtual std::vector<int32_t> encode(std::string_view text) const = 0;  // without BOS

  std::vector<std::string> pieces;  // the text bytes a token stands for; none for BOS and EOS
  int32_t bos = -1;                 // -1: the vocabulary has none
  int32_t eos = -1;
};

// The first id of the 256 byte tokens <0x00> to <0xFF> in llama2.c's vocabularies, and in those trained here.
inline constexpr int32_t kFirstByteToken = 3;

// What an unknown token shows, as SentencePiece has it.
inline constexpr std::string_view kUnknownSurface = " \u2047 ";

// llama2.c's tokenizer.bin: int32 longest token, then for each token float score, int32 length, bytes, to the end of
// the file. Tokens 0, 1, 2 are unknown, BOS and EOS; 3 to 258 are the bytes. `name` is the file's, for errors.
Result<std::unique_ptr<TokenizerModel>> parse_llama2c_tokenizer(std::string_view bytes, const std::string& name);

// A serialised SentencePiece model of any kind (BPE, unigram).
Result<std::unique_ptr<TokenizerModel>> parse_sentencepiece_model(std::string_view bytes, const std::string& name);

}  // namespace anemone::text
