#include "bench/report_chart.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <utility>

#include "bench/report_html.h"

namespace anemone::bench {
namespace {

// Pixels of the view; the page scales it.
constexpr double kWidth = 440, kHeight = 300, kLeft = 46, kRight = 12, kTop = 14, kBottom = 40;

std::string classes(const Look& look) { return look.published ? "of-others" : fmt::format("c{}", look.file % 6); }

// One of six shapes. Each colour meets each of them once in 36 files.
std::string marker(const Look& look, double x, double y) {
  const auto polygon = [&](std::string_view points) {
    return fmt::format("<polygon transform=\"translate({:.1f} {:.1f})\" points=\"{}\"", x, y, points);
  };
  const char* style = look.hollow || look.published ? "hollow" : "mark";
  const auto shape = [&]() -> std::string {
    if (look.published) return polygon("0,-4.2 4.2,0 0,4.2 -4.2,0");
    switch ((look.file + look.file / 6) % 6) {
      case 0:
        return fmt::format("<circle cx=\"{:.1f}\" cy=\"{:.1f}\" r=\"3.6\"", x, y);
      case 1:
        return polygon("-3.3,-3.3 3.3,-3.3 3.3,3.3 -3.3,3.3");
      case 2:
        return polygon("0,-4.4 4.2,3.2 -4.2,3.2");
      case 3:
        return polygon("0,4.4 4.2,-3.2 -4.2,-3.2");
      case 4:
        return polygon("-1.4,-4 1.4,-4 1.4,-1.4 4,-1.4 4,1.4 1.4,1.4 1.4,4 -1.4,4 -1.4,1.4 -4,1.4 -4,-1.4 -1.4,-1.4");
      default:
        return polygon("0,-4.6 4,-2.3 4,2.3 0,4.6 -4,2.3 -4,-2.3");
    }
  };
  return fmt::format("{} class=\"{}\"", shape(), style);
}

// ---- axes

struct Range {
  double low = std::numeric_limits<double>::infinity(), high = -low;
  void take(double value) {
    low = std::min(low, value);
    high = std::max(high, value);
  }
};

// No time, size or rate is beyond these, but a hostile file's may be.
bool fits(const Axis& axis, double value) {
  return std::abs(value) < 1e15 && (axis.scale == Scale::linear || value > 1e-12);
}

// 1, 2 or 5 times a power of ten, at least `value`.
double round_up(double value) {
  const double power = std::pow(10, std::floor(std::log10(value)));
  for (const double step : {1.0, 2.0, 5.0}) {
    if (step * power >= value * (1 - 1e-9)) return step * power;
  }
  return 10 * power;
}

std::vector<double> linear_ticks(Range& range) {
  const double step = round_up(std::max((range.high - std::min(range.low, 0.0)) / 5, 1e-9));
  range.low = std::floor(std::min(range.low, 0.0) / step) * step;
  range.high = std::ceil(range.high / step) * step;
  std::vector<double> ticks;
  for (double tick = range.low; tick <= range.high + step / 2; tick += step) ticks.push_back(tick);
  return ticks;
}

// Powers of ten, with 2 and 5 between them where they are few, or some of them where they are many.
std::vector<double> logarithmic_ticks(Range& range) {
  const double decades = std::log10(range.high / range.low);
  const auto stride = static_cast<int>(std::max(1.0, std::ceil(decades / 7)));
  std::vector<double> ticks;
  const auto first = static_cast<int>(std::floor(std::log10(range.low)));
  const auto last = static_cast<int>(std::ceil(std::log10(range.high)));
  for (int power = first; power <= last; power += stride) {
    for (const double digit : {1.0, 2.0, 5.0}) {
      if (digit == 1 || decades < 2.5) ticks.push_back(digit * std::pow(10, power));
    }
  }
  std::erase_if(ticks, [&](double tick) { return tick < range.low || tick > range.high; });
  return ticks;
}

// Some room on both sides, so that no marker stands on the edge.
Range widened(const Range& range) {
  const double factor = std::pow(std::max(range.high / range.low, 4.0), 0.06);
  return {range.low / factor, range.high * factor};
}

// Labels beside points, each moved up or down until it covers no earlier one; left out where nothing is free.
class Labels {
 public:
  // `right`: where it ends.
  std::string place(double right, double y, const std::string& text) {
    const double width = 6.2 * static_cast<double>(text.size());
    right = std::clamp(right, kLeft + width + 2, kWidth - kRight - 2);
    for (const double shift : {0.0, 12.0, -12.0, 24.0, -24.0, 36.0, -36.0}) {
      const Box box{right - width, std::max(y + shift, kTop + 9)};
      if (box.y > kHeight - kBottom - 3 || covers_any(box, width)) continue;
      boxes_.emplace_back(box, width);
      return fmt::format("<text x=\"{:.1f}\" y=\"{:.1f}\" text-anchor=\"end\" class=\"label\">{}</text>\n", right,
                         box.y, escaped(text));
    }
    return "";
  }

 private:
  struct Box {
    double x, y;
  };
  bool covers_any(const Box& box, double width) const {
    return std::ranges::any_of(boxes_, [&](const auto& other) {
      return std::abs(other.first.y - box.y) < 11 && box.x < other.first.x + other.second &&
             other.first.x < box.x + width;
    });
  }
  std::vector<std::pair<Box, double>> boxes_;  // with their widths
};

class Plot {
 public:
  explicit Plot(const Chart& chart) : chart_(chart), x_(range(true)), y_(range(false)) {
    x_ticks_ = ticks(chart.x, x_);
    y_ticks_ = ticks(chart.y, y_);
  }

  std::string svg() {
    std::string svg = fmt::format("<svg viewBox=\"0 0 {} {}\" role=\"img\" aria-label=\"{}\">\n", kWidth, kHeight,
                                  escaped(chart_.title + ": " + chart_.y.title + " over " + chart_.x.title));
    svg += axes();
    for (const Band& band : chart_.bands) svg += drawn(band);
    for (const Guide& guide : chart_.guides) svg += drawn(guide);
    for (const Series& series : chart_.series) svg += drawn(series);
    for (const Cross& cross : chart_.crosses) svg += drawn(cross);
    return svg + "</svg>";
  }

 private:
  Range range(bool of_x) const {
    const Axis& axis = of_x ? chart_.x : chart_.y;
    Range range;
    const auto take = [&](double value) {
      if (fits(axis, value)) range.take(value);
    };
    for (const Series& series : chart_.series) {
      for (const Point& p : series.points) take(of_x ? p.x : p.y);
    }
    for (const Guide& guide : chart_.guides) {
      for (const Point& p : guide.points) {
        if (!of_x || !guide.across) take(of_x ? p.x : p.y);
      }
    }
    for (const Cross& cross : chart_.crosses) {
      if (of_x) take(cross.x);
    }
    if (range.low > range.high) range = {1, 10};
    return axis.scale == Scale::logarithmic ? widened(range) : range;
  }

  static std::vector<double> ticks(const Axis& axis, Range& range) {
    return axis.scale == Scale::linear ? linear_ticks(range) : logarithmic_ticks(range);
  }

  static double share(const Axis& axis, const Range& range, double value) {
    return axis.scale == Scale::linear ? (value - range.low) / (range.high - range.low)
                                       : std::log(value / range.low) / std::log(range.high / range.low);
  }
  double x_of(double x) const { return kLeft + share(chart_.x, x_, x) * (kWidth - kLeft - kRight); }
  double y_of(double y) const { return kHeight - kBottom - share(chart_.y, y_, y) * (kHeight - kTop - kBottom); }
  bool fits(const Point& p) const { return bench::fits(chart_.x, p.x) && bench::fits(chart_.y, p.y); }
  static bool fits(const Axis& axis, double value) { return bench::fits(axis, value); }

  static std::string line(double x1, double y1, double x2, double y2, std::string_view style) {
    return fmt::format("<line x1=\"{:.1f}\" y1=\"{:.1f}\" x2=\"{:.1f}\" y2=\"{:.1f}\" class=\"{}\"/>\n", x1, y1, x2, y2,
                       style);
  }
  static std::string text(double x, double y, std::string_view anchor, std::string_view style, std::string_view text) {
    return fmt::format("<text x=\"{:.1f}\" y=\"{:.1f}\" text-anchor=\"{}\" class=\"{}\">{}</text>\n", x, y, anchor,
                       style, escaped(text));
  }

  std::string axes() const {
    const double bottom = kHeight - kBottom, right = kWidth - kRight;
    std::string svg;
    for (const double x : x_ticks_) {
      svg += line(x_of(x), kTop, x_of(x), bottom, "grid");
      svg += text(x_of(x), bottom + 14, "middle", "faint", fmt::format("{:g}", x));
    }
    for (const double y : y_ticks_) {
      svg += line(kLeft, y_of(y), right, y_of(y), "grid");
      svg += text(kLeft - 5, y_of(y) + 3.5, "end", "faint", fmt::format("{:g}", y));
    }
    svg += line(kLeft, bottom, right, bottom, "axis") + line(kLeft, kTop, kLeft, bottom, "axis");
    svg += text((kLeft + right) / 2, kHeight - 8, "middle", "", chart_.x.title);
    return svg + fmt::format("<text transform=\"translate(11 {:.1f}) rotate(-90)\" text-anchor=\"middle\">{}</text>\n",
                             (kTop + bottom) / 2, escaped(chart_.y.title));
  }

  std::string path(const Polyline& points, std::string_view style) const {
    std::string d;
    for (const Point& p : points) {
      if (fits(p)) d += fmt::format("{}{:.1f} {:.1f}", d.empty() ? "M" : " L", x_of(p.x), y_of(p.y));
    }
    return fmt::format("<path d=\"{}\" class=\"{}\"/>\n", d, style);
  }

  std::string drawn(const Series& series) {
    std::string svg = fmt::format("<g class=\"{}\">\n", classes(series.look));
    if (series.joined) svg += path(series.points, series.look.dashed ? "line modelled" : "line");
    const Point* last = nullptr;
    for (const Point& p : series.points) {
      if (!fits(p)) continue;
      svg += spread(p) + marker(series.look, x_of(p.x), y_of(p.y)) +
             fmt::format("><title>{}</title></{}>\n", escaped(p.title), element(series.look));
      last = &p;
    }
    if (last != nullptr && !series.label.empty()) {
      svg += labels_.place(x_of(last->x) - 7, y_of(last->y) - 6, series.label);
    }
    return svg + "</g>\n";
  }
  static std::string_view element(const Look& look) {
    return !look.published && (look.file + look.file / 6) % 6 == 0 ? "circle" : "polygon";
  }
  std::string spread(const Point& p) const {
    if (!p.low || !p.high || !fits(chart_.y, *p.low) || !fits(chart_.y, *p.high)) return "";
    return line(x_of(p.x), y_of(*p.low), x_of(p.x), y_of(*p.high), "bar");
  }

  std::string drawn(const Guide& guide) {
    if (guide.points.empty()) return "";
    Polyline points = guide.points;
    if (guide.across) points = {{x_.low, points[0].y, ""}, {x_.high, points[0].y, ""}};
    const Point& start = points.front();
    return fmt::format(
        "<g class=\"{}\">\n{}{}</g>\n", classes(guide.look), path(points, guide.look.dashed ? "roof" : "line"),
        guide.label.empty() || !fits(start) ? ""
                                            : labels_.place(guide.across ? kWidth : 0, y_of(start.y) - 4, guide.label));
  }

  std::string drawn(const Band& band) const {
    const double from = std::clamp(x_of(band.from), kLeft, kWidth - kRight);
    const double to = std::clamp(x_of(band.to), kLeft, kWidth - kRight);
    std::string svg =
        fmt::format("<g class=\"{}\"><rect x=\"{:.1f}\" y=\"{}\" width=\"{:.1f}\" height=\"{}\" class=\"band\"/>\n",
                    classes(band.look), from, kTop, std::max(to - from, 1.0), kHeight - kTop - kBottom);
    return svg + text((from + to) / 2, kTop - 4, "middle", "label", band.label) + "</g>\n";
  }

  std::string drawn(const Cross& cross) const {
    if (!fits(chart_.x, cross.x)) return "";
    return fmt::format(
        "<g class=\"{}\"><path transform=\"translate({:.1f} {:.1f})\" d=\"M-4 -4 L4 4 M4 -4 L-4 4\" class=\"cross\"/>"
        "<title>{}</title></g>\n",
        classes(cross.look), x_of(cross.x), kHeight - kBottom - 6, escaped(cross.title));
  }

  const Chart& chart_;
  Range x_, y_;
  Labels labels_;
  std::vector<double> x_ticks_, y_ticks_;
};

}  // namespace

bool Chart::empty() const { return series.empty() && crosses.empty(); }

std::string to_svg(const Chart& chart) {
  return fmt::format("<figure>{}\n<figcaption>{}</figcaption></figure>\n", Plot(chart).svg(), escaped(chart.title));
}

std::string key(const Look& look) {
  return fmt::format(
      "<svg class=\"key {}\" viewBox=\"0 0 28 12\" aria-hidden=\"true\">"
      "<path d=\"M0 6 L28 6\" class=\"line{}\"/>{}/></svg>",
      classes(look), look.dashed ? " modelled" : "", marker(look, 14, 6));
}

}  // namespace anemone::bench
