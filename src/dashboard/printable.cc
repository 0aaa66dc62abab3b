#include "dashboard/printable.h"

#include "text/utf8.h"

namespace anemone::dashboard {
namespace {

// Controls of both sets, soft hyphen, zero-width and directional marks, line separators, byte order marks, tags.
bool is_unfit(char32_t c) {
  return c < 0x20 || (c >= 0x7F && c < 0xA0) || c == 0xAD || c == 0x61C || c == 0x180E ||
         (c >= 0x200B && c <= 0x200F) || (c >= 0x2028 && c <= 0x202E) || (c >= 0x2060 && c <= 0x206F) || c == 0xFEFF ||
         (c >= 0xFFF9 && c <= 0xFFFB) || (c >= 0xE0000 && c <= 0xE0FFF);
}

std::string cleaned(std::string_view text, bool keep_lines) {
  const std::string valid = text::valid_utf8(text);
  std::string clean;
  for (std::string_view rest = valid; !rest.empty();) {
    const std::string_view sequence = rest.substr(0, text::first_sequence(rest).length);
    rest.remove_prefix(sequence.size());
    const char32_t code = text::code_point(sequence);
    if (is_unfit(code) && !(keep_lines && code == '\n')) {
      clean += ' ';
    } else {
      clean += sequence;
    }
  }
  return clean;
}

}  // namespace

std::string printable(std::string_view text) { return cleaned(text, false); }

std::string printable_lines(std::string_view text) { return cleaned(text, true); }

}  // namespace anemone::dashboard
