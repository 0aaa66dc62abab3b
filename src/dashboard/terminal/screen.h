// A screen of cells, which a terminal only copies: what is drawn can be compared without one.
//
//   Screen screen(24, 80);
//   screen.put(0, 2, "loss 2.31", Style::title);
//   screen.text();                                  // 24 lines
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace anemone::dashboard {

// What a cell is, for a terminal to choose colours and attributes by.
enum class Style : unsigned char {
  plain,
  dim,
  title,
  good,
  warning,
  bad,
  raw,       // the loss of each step
  smoothed,  // its course
  part,      // the first of kPartStyles, which tell a bar's parts from one another
};
inline constexpr int kPartStyles = 6;
inline Style part_style(size_t i) {
  return static_cast<Style>(static_cast<size_t>(Style::part) + i % static_cast<size_t>(kPartStyles));
}

struct Cell {
  std::string glyph = " ";  // one character in UTF-8; empty: the right half of a wide one
  Style style = Style::plain;
};

struct Rect {
  int row = 0, column = 0, rows = 0, columns = 0;
};

class Screen {
 public:
  Screen(int rows, int columns)
      : rows_(rows), columns_(columns), cells_(static_cast<size_t>(rows) * static_cast<size_t>(columns)) {}

  int rows() const { return rows_; }
  int columns() const { return columns_; }
  const Cell& at(int row, int column) const { return cells_[place(row, column)]; }
  // Text made printable, cut at `width` columns (to the screen's edge: -1); returns the column after it.
  int put(int row, int column, std::string_view text, Style style = Style::plain, int width = -1);
  // The rows, without blanks at their ends.
  std::string text() const;

 private:
  size_t place(int row, int column) const {
    return static_cast<size_t>(row) * static_cast<size_t>(columns_) + static_cast<size_t>(column);
  }

  int rows_, columns_;
  std::vector<Cell> cells_;
};

// The text in lines of at most `width` columns, broken between words where that can be.
std::vector<std::string> wrap(std::string_view text, int width);
// Columns that printable text takes.
int width_of(std::string_view text);

}  // namespace anemone::dashboard
