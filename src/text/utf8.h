// Well-formed UTF-8 (Unicode 15, table 3-7): no overlong forms, no surrogates, nothing beyond U+10FFFF.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace anemone::text {

struct Utf8Sequence {
  enum class Kind { complete, incomplete, invalid };
  Kind kind;
  size_t length;  // bytes that belong together: the character, or the part that is well-formed so far (at least 1)
};

// The sequence that starts `bytes`, which is not empty.
Utf8Sequence first_sequence(std::string_view bytes);

// The character of a complete sequence.
char32_t code_point(std::string_view sequence);

// Takes from the front of `pending` all but an incomplete last sequence; invalid ones become U+FFFD.
std::string take_complete(std::string& pending);

// `bytes` with each invalid or incomplete sequence as U+FFFD.
std::string valid_utf8(std::string_view bytes);

}  // namespace anemone::text
