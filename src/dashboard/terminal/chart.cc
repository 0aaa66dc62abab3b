#include "dashboard/terminal/chart.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>

namespace anemone::dashboard {
namespace {

constexpr int kAxis = 8;  // columns of labels
constexpr double kMargin = 0.05;

struct Span {
  double least = 0, most = 0;
};

// Dots of one cell of braille: bits by [row][column] (Unicode, U+2800).
constexpr std::array<std::array<int, 2>, 4> kDots = {{{0x01, 0x08}, {0x02, 0x10}, {0x04, 0x20}, {0x40, 0x80}}};

class Dots {
 public:
  Dots(int rows, int columns) : rows_(rows), columns_(columns), cells_(static_cast<size_t>(rows * columns)) {}
  int height() const { return 4 * rows_; }
  int width() const { return 2 * columns_; }

  void line(int x, int from, int to, Style style) {
    for (int y = std::min(from, to); y <= std::max(from, to); ++y) set(x, y, style);
  }
  void draw(Screen& screen, int row, int column, bool unicode) const {
    for (int r = 0; r < rows_; ++r) {
      for (int c = 0; c < columns_; ++c) {
        const auto& [bits, style] =
            cells_[static_cast<size_t>(r) * static_cast<size_t>(columns_) + static_cast<size_t>(c)];
        if (bits != 0) screen.put(row + r, column + c, unicode ? braille(bits) : ascii(style), style);
      }
    }
  }

 private:
  struct Cell {
    int bits = 0;
    Style style = Style::plain;
  };
  static std::string braille(int bits) {
    return {'\xE2', static_cast<char>(0xA0 | bits >> 6), static_cast<char>(0x80 | (bits & 0x3F))};
  }
  static const char* ascii(Style style) { return style == Style::smoothed ? "*" : "."; }
  void set(int x, int y, Style style) {
    if (x < 0 || x >= width() || y < 0 || y >= height()) return;
    const auto row = static_cast<size_t>(y / 4), column = static_cast<size_t>(x / 2);
    Cell& cell = cells_[row * static_cast<size_t>(columns_) + column];
    cell = {cell.bits | kDots[static_cast<size_t>(y % 4)][static_cast<size_t>(x % 2)], style};
  }

  int rows_, columns_;
  std::vector<Cell> cells_;
};

Span span_of(const std::vector<Bucket>& buckets) {
  Span span{buckets.front().least, buckets.front().most};
  for (const Bucket& bucket : buckets) {
    span.least = std::min(span.least, bucket.least);
    span.most = std::max(span.most, bucket.most);
  }
  const double margin = std::max(kMargin * (span.most - span.least), 1e-6);
  return {span.least - margin, span.most + margin};
}

int dot_of(double value, const Span& span, int height) {
  const double share = (span.most - value) / (span.most - span.least);
  return static_cast<int>(std::lround(share * (height - 1)));
}

// Each bucket where its middle stands; `joined`: a line through the means, else from least to most.
void plot(Dots& dots, const Series& series, const Span& span, bool joined, Style style) {
  const int64_t first = series.first();
  const double steps = static_cast<double>(std::max<int64_t>(series.last() - first, 1));
  int before = -1;
  for (const Bucket& b : series.range(first, series.last(), static_cast<size_t>(dots.width()))) {
    const double middle = static_cast<double>(b.first - first) + static_cast<double>(b.last - b.first) / 2;
    const int x = static_cast<int>(std::lround(middle / steps * (dots.width() - 1)));
    const int y = dot_of(b.mean, span, dots.height());
    if (joined) {
      dots.line(x, before < 0 ? y : before, y, style);
      before = y;
    } else {
      dots.line(x, dot_of(b.most, span, dots.height()), dot_of(b.least, span, dots.height()), style);
    }
  }
}

void label(Screen& screen, const Rect& place, const Span& span) {
  const int rows = place.rows - 1;
  for (const int row : {0, rows / 2, rows - 1}) {
    const double share = rows > 1 ? static_cast<double>(row) / (rows - 1) : 0;
    const double value = span.most + share * (span.least - span.most);
    screen.put(place.row + row, place.column, fmt::format("{:>7.3f}", value), Style::dim, kAxis);
  }
}

}  // namespace

void draw_loss(Screen& screen, const Rect& place, const Run& run, bool unicode) {
  const Series& loss = run.series(Quantity::loss);
  if (loss.empty() || place.rows < 2 || place.columns <= kAxis + 2) {
    screen.put(place.row, place.column + 1, "no step yet", Style::dim, place.columns);
    return;
  }
  Dots dots(place.rows - 1, place.columns - kAxis);
  const auto width = static_cast<size_t>(dots.width());
  const Span span = span_of(loss.range(loss.first(), loss.last(), width));
  plot(dots, loss, span, false, Style::raw);
  plot(dots, run.series(Quantity::smoothed_loss), span, true, Style::smoothed);
  dots.draw(screen, place.row, place.column + kAxis, unicode);
  label(screen, place, span);
  const std::string last = fmt::format("{}", loss.last());
  const int bottom = place.row + place.rows - 1, end = place.column + place.columns;
  screen.put(bottom, place.column, fmt::format("step {}", loss.first()), Style::dim, place.columns);
  screen.put(bottom, end - static_cast<int>(last.size()), last, Style::dim);
}

std::string sparkline(const Series& series, int columns, int64_t seconds, bool unicode) {
  if (series.empty() || columns < 1) return "";
  constexpr std::array<std::string_view, 8> kBlocks = {"▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"};
  constexpr std::array<std::string_view, 8> kAscii = {"_", ".", "-", "-", "=", "+", "*", "#"};
  const auto buckets = series.range(series.last() - 1000 * seconds, series.last(), static_cast<size_t>(columns));
  double most = 0;
  for (const Bucket& bucket : buckets) most = std::max(most, bucket.mean);
  std::string line;
  for (const Bucket& bucket : buckets) {
    const double share = most > 0 ? std::clamp(bucket.mean / most, 0.0, 1.0) : 0;
    const auto block = static_cast<size_t>(std::lround(7 * share));
    line += unicode ? kBlocks[block] : kAscii[block];
  }
  return line;
}

}  // namespace anemone::dashboard
