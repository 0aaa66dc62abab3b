// A corpus as one text: documents, each ended by <|endoftext|>.
//
//   TRY(for_each_document(text, [&](std::string_view document) -> Result<> { ... }));
#pragma once

#include <cstdint>
#include <functional>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace anemone::text {

using Report = std::function<void(int64_t done, int64_t total)>;  // how far long work is; may be empty

inline constexpr std::string_view kDocumentEnd = "<|endoftext|>";

// The documents in order, without the blanks and line ends around them; empty ones are left out. Stops at an error.
Result<> for_each_document(std::string_view text, const std::function<Result<>(std::string_view)>& visit);

// `text` cut into parts of about `length` bytes at single blanks between words. The blank goes: a tokenizer puts one
// before whatever it encodes, so the parts' tokens in a row are the whole text's.
std::vector<std::string_view> cut_at_blanks(std::string_view text, size_t length);

}  // namespace anemone::text
