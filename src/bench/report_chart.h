// Charts as inline SVG, without scripts: they print, and take their colours from the page's style.
//
//   Chart chart{.title = "Throughput", .x = {"weights, MiB", Scale::logarithmic}, .y = {"TFLOPS", Scale::logarithmic}};
//   chart.series.push_back({.look = {0}, .points = {{0.5, 0.2, "512ch: 0.2 TFLOPS"}}});
//   page += to_svg(chart);
//
// What cannot stand on a logarithmic axis (0 and less) is left out.
#pragma once

#include <optional>
#include <string>
#include <vector>

namespace anemone::bench {

// Colour and marker of the n-th file; both together are unique for 36 files.
struct Look {
  int file = 0;
  bool published = false;  // of others: grey
  bool hollow = false;
  bool dashed = false;
};

struct Point {
  double x = 0, y = 0;
  std::string title;                    // shown where the pointer rests
  std::optional<double> low{}, high{};  // of y
};

using Polyline = std::vector<Point>;

struct Series {
  Look look;
  Polyline points;      // a marker at each
  std::string label{};  // beside the last point
  bool joined = true;
};

// A line without markers; where its x are not given, all across.
struct Guide {
  Look look;
  Polyline points;
  std::string label{};
  bool across = false;  // at the y of the first point
};

// From x to x, all the way up, and a label at its top.
struct Band {
  Look look;
  double from = 0, to = 0;
  std::string label{};
};

// What failed: a cross on the lower edge.
struct Cross {
  Look look;
  double x = 0;
  std::string title;
};

enum class Scale { linear, logarithmic };

struct Axis {
  std::string title;
  Scale scale = Scale::logarithmic;
};

struct Chart {
  std::string title;
  Axis x, y;
  std::vector<Series> series{};
  std::vector<Guide> guides{};
  std::vector<Band> bands{};
  std::vector<Cross> crosses{};

  bool empty() const;  // nothing to see but lines of reference
};

// A <figure> with its caption.
std::string to_svg(const Chart& chart);

// A piece of the series' line with its marker, for a legend or a table.
std::string key(const Look& look);

}  // namespace anemone::bench
