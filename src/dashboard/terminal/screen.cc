#include "dashboard/terminal/screen.h"

#include <algorithm>

#include "dashboard/printable.h"
#include "text/utf8.h"

namespace anemone::dashboard {
namespace {

// Combining marks of the common scripts, and variation selectors.
bool is_combining(char32_t c) {
  return (c >= 0x300 && c <= 0x36F) || (c >= 0x483 && c <= 0x489) || (c >= 0x591 && c <= 0x5BD) ||
         (c >= 0x610 && c <= 0x61A) || (c >= 0x64B && c <= 0x65F) || (c >= 0x1AB0 && c <= 0x1AFF) ||
         (c >= 0x1DC0 && c <= 0x1DFF) || (c >= 0x20D0 && c <= 0x20FF) || (c >= 0xFE00 && c <= 0xFE0F) ||
         (c >= 0xFE20 && c <= 0xFE2F);
}

// East Asian wide and fullwidth characters and emoji (Unicode's EastAsianWidth.txt, in coarse ranges).
bool is_wide(char32_t c) {
  return (c >= 0x1100 && c <= 0x115F) || (c >= 0x2E80 && c <= 0xA4CF && c != 0x303F) || (c >= 0xA960 && c <= 0xA97C) ||
         (c >= 0xAC00 && c <= 0xD7A3) || (c >= 0xF900 && c <= 0xFAFF) || (c >= 0xFE30 && c <= 0xFE6F) ||
         (c >= 0xFF00 && c <= 0xFF60) || (c >= 0xFFE0 && c <= 0xFFE6) || (c >= 0x1F300 && c <= 0x1FAFF) ||
         (c >= 0x20000 && c <= 0x3FFFD);
}

// Calls take(glyph, columns) for each character of printable text that takes place.
void each_glyph(std::string_view text, auto take) {
  while (!text.empty()) {
    const std::string_view glyph = text.substr(0, text::first_sequence(text).length);
    text.remove_prefix(glyph.size());
    const char32_t code = text::code_point(glyph);
    if (!is_combining(code)) take(glyph, is_wide(code) ? 2 : 1);
  }
}

}  // namespace

int width_of(std::string_view text) {
  int width = 0;
  each_glyph(text, [&](std::string_view, int columns) { width += columns; });
  return width;
}

int Screen::put(int row, int column, std::string_view text, Style style, int width) {
  const int end = width < 0 ? columns_ : std::min(columns_, column + width);
  if (row < 0 || row >= rows_ || column < 0) return column;
  bool full = false;
  each_glyph(printable(text), [&](std::string_view glyph, int columns) {
    full = full || column + columns > end;
    if (full) return;
    for (int i = 0; i < columns; ++i) {
      cells_[place(row, column + i)] = {i == 0 ? std::string(glyph) : "", style};
    }
    column += columns;
  });
  return column;
}

std::string Screen::text() const {
  std::string text;
  for (int row = 0; row < rows_; ++row) {
    std::string line;
    for (int column = 0; column < columns_; ++column) line += at(row, column).glyph;
    text += line.substr(0, line.find_last_not_of(' ') + 1) + "\n";
  }
  return text;
}

std::vector<std::string> wrap(std::string_view text, int width) {
  std::vector<std::string> lines(1);
  std::string word;
  int used = 0, word_width = 0;
  const auto end_line = [&] {
    lines.emplace_back();
    used = 0;
  };
  const auto end_word = [&] {
    if (used + word_width > width && used > 0) end_line();
    lines.back() += word;
    used += word_width;
    word.clear();
    word_width = 0;
  };
  each_glyph(text, [&](std::string_view glyph, int columns) {
    if (glyph == "\n") {
      end_word();
      return end_line();
    }
    if (glyph != " ") {
      if (word_width + columns > width) end_word();  // a word longer than a line
      word += glyph;
      word_width += columns;
      return;
    }
    end_word();
    if (used > 0 && used < width) {
      lines.back() += ' ';
      ++used;
    }
  });
  end_word();
  return lines;
}

}  // namespace anemone::dashboard
