#include "text/tokenizer.h"

#include "base/check.h"
#include "base/file.h"
#include "text/tokenizer_model.h"
#include "text/utf8.h"

namespace anemone::text {
namespace {

// A tokenizer.bin opens with an int32 that is small, so its upper half is zero; a model opens with the protobuf field
// of its first piece, whose third byte is another field's tag.
bool is_llama2c(std::string_view bytes) { return bytes.size() >= 4 && bytes[2] == 0 && bytes[3] == 0; }

Result<std::unique_ptr<TokenizerModel>> parse_model(std::string_view bytes, const std::string& name) {
  if (is_llama2c(bytes)) return parse_llama2c_tokenizer(bytes, name);
  return parse_sentencepiece_model(bytes, name);
}

}  // namespace

Result<Tokenizer> Tokenizer::load(const std::string& path) { return parse(TRY(read_text(path)), path); }

Result<Tokenizer> Tokenizer::parse(std::string_view bytes, const std::string& name) {
  if (bytes.empty()) return fail("{} is empty: give a SentencePiece .model or a llama2.c tokenizer.bin", name);
  return Tokenizer(TRY(parse_model(bytes, name)));
}

Tokenizer::Tokenizer(std::unique_ptr<TokenizerModel> model) : model_(std::move(model)) {}
Tokenizer::Tokenizer(Tokenizer&&) noexcept = default;
Tokenizer& Tokenizer::operator=(Tokenizer&&) noexcept = default;
Tokenizer::~Tokenizer() = default;

int32_t Tokenizer::vocab_size() const { return static_cast<int32_t>(model_->pieces.size()); }
int32_t Tokenizer::bos() const { return model_->bos; }
int32_t Tokenizer::eos() const { return model_->eos; }

std::vector<int32_t> Tokenizer::encode(std::string_view text, bool add_bos) const {
  std::vector<int32_t> tokens = model_->encode(text);
  if (add_bos && bos() >= 0) tokens.insert(tokens.begin(), bos());
  return tokens;
}

std::string Tokenizer::decode(std::span<const int32_t> tokens) const {
  Decoder decoder(*this);
  std::string text;
  for (int32_t token : tokens) text += decoder.next(token);
  return text + decoder.finish();
}

std::string_view Tokenizer::piece(int32_t token) const {
  CHECK(token >= 0 && token < vocab_size());
  return model_->pieces[static_cast<size_t>(token)];
}

std::string Decoder::next(int32_t token) {
  std::string_view piece = tokenizer_->piece(token);
  if (at_start_ && piece.starts_with(' ')) piece.remove_prefix(1);
  at_start_ = token == tokenizer_->bos();
  pending_ += piece;
  return take_complete(pending_);
}

std::string Decoder::finish() {
  std::string text = valid_utf8(pending_);
  pending_.clear();
  return text;
}

}  // namespace anemone::text
