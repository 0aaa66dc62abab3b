// Text to tokens and back, by SentencePiece models (`.model`) and llama2.c vocabularies (`tokenizer.bin`).
//
//   Tokenizer tokenizer = TRY(Tokenizer::load("tokenizer.model"));
//   std::vector<int32_t> tokens = tokenizer.encode("Once upon a time", /*add_bos=*/true);
//
//   Decoder decoder(tokenizer);                         // streaming: what it returns is always whole UTF-8
//   for (int32_t token : tokens) show(decoder.next(token));
//   show(decoder.finish());
//
// A Tokenizer is immutable once loaded: any thread may use it.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace anemone::text {

class TokenizerModel;

class Tokenizer {
 public:
  // Recognises the format by content. Fails, naming file and offset, where the file is damaged.
  static Result<Tokenizer> load(const std::string& path);
  static Result<Tokenizer> parse(std::string_view bytes, const std::string& name);  // `name` for errors

  Tokenizer(Tokenizer&&) noexcept;
  Tokenizer& operator=(Tokenizer&&) noexcept;
  ~Tokenizer();

  int32_t vocab_size() const;
  int32_t bos() const;  // -1 where the vocabulary has none
  int32_t eos() const;

  // A blank is put before the text, as both formats are trained; characters outside the vocabulary become byte tokens.
  std::vector<int32_t> encode(std::string_view text, bool add_bos) const;
  std::string decode(std::span<const int32_t> tokens) const;

  // The bytes of one token, not always whole UTF-8; none for BOS and EOS. 0 <= token < vocab_size().
  std::string_view piece(int32_t token) const;

 private:
  explicit Tokenizer(std::unique_ptr<TokenizerModel> model);
  std::unique_ptr<TokenizerModel> model_;
};

// Joins byte tokens into characters: holds back a sequence until it is complete, shows U+FFFD for one that never can
// be, and drops the blank that encode() put before the text. The tokenizer must outlive it.
class Decoder {
 public:
  explicit Decoder(const Tokenizer& tokenizer) : tokenizer_(&tokenizer) {}

  std::string next(int32_t token);  // the text this token completes, perhaps none
  std::string finish();             // what was held back

 private:
  const Tokenizer* tokenizer_;
  std::string pending_;
  bool at_start_ = true;
};

}  // namespace anemone::text
