#include <sentencepiece_processor.h>

#include <charconv>

#include "base/check.h"
#include "text/tokenizer_model.h"

namespace sentencepiece::logging {
void SetMinLogLevel(int level);  // exported by the library, declared in no header of it
}  // namespace sentencepiece::logging

namespace anemone::text {
namespace {

constexpr std::string_view kBlankMark = "\u2581";  // SentencePiece writes a blank so

std::string with_blanks(std::string_view piece) {
  std::string text;
  for (size_t at = 0; at < piece.size();) {
    const bool blank = piece.substr(at).starts_with(kBlankMark);
    text += blank ? ' ' : piece[at];
    at += blank ? kBlankMark.size() : 1;
  }
  return text;
}

// <0x41> → "A".
std::string byte_of(std::string_view piece) {
  int byte = 0;
  if (piece.size() == 6) std::from_chars(piece.data() + 3, piece.data() + 5, byte, 16);
  return std::string(1, static_cast<char>(byte));
}

class SentencePieceTokenizer : public TokenizerModel {
 public:
  Result<> load(std::string_view bytes, const std::string& name) {
    constexpr int kFatalOnly = 3;
    sentencepiece::logging::SetMinLogLevel(kFatalOnly);
    const auto status = processor_.LoadFromSerializedProto(bytes);
    if (!status.ok() || processor_.GetPieceSize() == 0) {
      return fail("{} is neither a SentencePiece model nor a llama2.c tokenizer: give one with --tokenizer", name);
    }
    bos = processor_.bos_id();
    eos = processor_.eos_id();
    for (int id = 0; id < processor_.GetPieceSize(); ++id) pieces.push_back(surface(id));
    return {};
  }

  std::vector<int32_t> encode(std::string_view text) const override {
    std::vector<int> tokens;
    CHECK(processor_.Encode(text, &tokens).ok());
    return tokens;
  }

 private:
  std::string surface(int id) const {
    if (processor_.IsUnknown(id)) return std::string(kUnknownSurface);
    if (processor_.IsControl(id)) return "";
    if (processor_.IsByte(id)) return byte_of(processor_.IdToPiece(id));
    return with_blanks(processor_.IdToPiece(id));
  }

  sentencepiece::SentencePieceProcessor processor_;
};

}  // namespace

Result<std::unique_ptr<TokenizerModel>> parse_sentencepiece_model(std::string_view bytes, const std::string& name) {
  auto model = std::make_unique<SentencePieceTokenizer>();
  TRY(model->load(bytes, name));
  return model;
}

}  // namespace anemone::text
