// Modelled over published times, both axes logarithmic.
#include <fmt/format.h>

#include <array>
#include <cmath>

#include "bench/sim_model.h"

namespace anemone::bench {
namespace {

constexpr double kSize = 560, kMargin = 60, kLow = 1e-3, kHigh = 2e4;  // pixels; milliseconds

struct Kind {
  const char* color;
  const char* name;
};
constexpr std::array<Kind, 5> kKinds{Kind{"#2166ac", "evaluations that were fitted"},
                                     Kind{"#92c5de", "other evaluations"}, Kind{"#d6604d", "end to end"},
                                     Kind{"#4d9221", "compiling"}, Kind{"#bbbbbb", "the clock not yet up"}};

size_t kind_of(const sim::PublishedTable& table) {
  using enum sim::Quantity;
  if (table.quantity == end_to_end) return 2;
  if (table.quantity == compile || table.quantity == compile_and_load) return 3;
  if (table.cold) return 4;
  return table.calibrates.empty() ? 1 : 0;
}

// Along an axis, from its beginning.
double along(double milliseconds) {
  return (kSize - 2 * kMargin) * std::log(milliseconds / kLow) / std::log(kHigh / kLow);
}
double x_of(double milliseconds) { return kMargin + along(milliseconds); }
double y_of(double milliseconds) { return kSize - kMargin - along(milliseconds); }

std::string line(double x1, double y1, double x2, double y2, std::string_view style) {
  return fmt::format("<line x1=\"{:.1f}\" y1=\"{:.1f}\" x2=\"{:.1f}\" y2=\"{:.1f}\" {}/>\n", x1, y1, x2, y2, style);
}

std::string label(double x, double y, std::string_view anchor, std::string_view text) {
  return fmt::format("<text x=\"{:.1f}\" y=\"{:.1f}\" text-anchor=\"{}\">{}</text>\n", x, y, anchor, text);
}

std::string axes() {
  std::string svg;
  for (int power = -3; power <= 4; ++power) {
    const double ms = std::pow(10, power);
    const std::string tick = ms < 1     ? fmt::format("{} µs", ms * 1e3)
                             : ms < 1e3 ? fmt::format("{} ms", ms)
                                        : fmt::format("{} s", ms / 1e3);
    svg += line(x_of(ms), y_of(kLow), x_of(ms), y_of(kHigh), "stroke=\"#ddd\"");
    svg += line(x_of(kLow), y_of(ms), x_of(kHigh), y_of(ms), "stroke=\"#ddd\"");
    svg += label(x_of(ms), y_of(kLow) + 18, "middle", tick) + label(x_of(kLow) - 6, y_of(ms) + 4, "end", tick);
  }
  for (double factor : {1.0, 1.3, 1 / 1.3}) {
    const double from = factor < 1 ? kLow / factor : kLow, to = factor > 1 ? kHigh / factor : kHigh;
    svg += line(x_of(from), y_of(from * factor), x_of(to), y_of(to * factor),
                factor == 1 ? "stroke=\"#333\"" : "stroke=\"#999\" stroke-dasharray=\"4 3\"");
  }
  return svg + label(kSize / 2, kSize - 18, "middle", "published") +
         fmt::format("<text transform=\"translate(14 {:.1f}) rotate(-90)\" text-anchor=\"middle\">modelled</text>\n",
                     kSize / 2);
}

std::string legend() {
  std::string svg;
  for (size_t i = 0; i < kKinds.size(); ++i) {
    const double y = kMargin + 16 + 18 * static_cast<double>(i);
    svg += fmt::format("<circle cx=\"{:.1f}\" cy=\"{:.1f}\" r=\"4\" fill=\"{}\"/>\n", kMargin + 14, y - 4,
                       kKinds[i].color);
    svg += label(kMargin + 24, y, "start", kKinds[i].name);
  }
  return svg + label(kMargin + 10, kMargin + 16 + 18 * kKinds.size(), "start", "dashed: 30 % more, 30 % less");
}

}  // namespace

std::string to_svg(const SimModelReport& report) {
  std::string svg = fmt::format(
      "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{0}\" height=\"{0}\" viewBox=\"0 0 {0} {0}\" "
      "font-family=\"sans-serif\" font-size=\"12\">\n<rect width=\"100%\" height=\"100%\" fill=\"white\"/>\n",
      kSize);
  svg += axes() + legend();
  for (const ComparedTable& table : report.tables) {
    for (const ComparedRow& row : table.rows) {
      if (!row.predicted_ms) continue;
      svg += fmt::format(
          "<circle cx=\"{:.1f}\" cy=\"{:.1f}\" r=\"3\" fill=\"{}\" fill-opacity=\"0.75\"><title>{}, "
          "{}</title></circle>\n",
          x_of(row.published_ms), y_of(*row.predicted_ms), kKinds[kind_of(*table.table)].color, table.table->name,
          row.label);
    }
  }
  return svg + "</svg>\n";
}

}  // namespace anemone::bench
