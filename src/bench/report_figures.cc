// The charts of a benchmark.
#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>
#include <utility>

#include "bench/report_html.h"
#include "bench/report_parts.h"
#include "bench/report_published.h"
#include "device/sim/time/chip.h"

namespace anemone::bench {
namespace {

using results::Configuration;
using results::Derived;

double mib(int64_t bytes) { return static_cast<double>(bytes) / (1 << 20); }

// What a chart shows over the size of the weights.
struct Quantity {
  const char* title;
  const char* unit;
  bool rate;  // throughput; else time
};
constexpr Quantity kThroughput{"Throughput", "TFLOPS", true}, kTime{"Time of a run", "ms", false};

Point point_of(const Configuration& c, const Quantity& quantity) {
  const Derived& d = *c.derived;
  const double per_ms = c.flop / 1e9;  // TFLOPS · ms
  Point point{.x = mib(c.weight_bytes), .y = quantity.rate ? d.tflops : d.median_ms, .title = {}};
  point.title = fmt::format("{}: {} {}", c.label, significant(point.y), quantity.unit);
  if (d.median_low_ms > 0) {
    point.low = quantity.rate ? per_ms / d.median_high_ms : d.median_low_ms;
    point.high = quantity.rate ? per_ms / d.median_low_ms : d.median_high_ms;
  }
  return point;
}

// Chains of the same channels and form make a line; single convolutions of one form do.
class Lines {
 public:
  explicit Lines(std::span<const Configuration> configurations) {
    std::set<int64_t> depths;
    for (const Configuration& c : configurations) depths.insert(c.parameters.depth);
    chains_ = depths.size() > 1;
  }
  using Key = std::pair<std::string, int64_t>;  // form, channels
  Key key(const results::Parameters& p) const { return {p.form, chains_ ? p.channels : 0}; }
  std::string label(const Key& key) const { return chains_ ? fmt::format("{} ch", key.second) : ""; }

 private:
  bool chains_ = false;
};

void sort_by_size(Polyline& points) { std::ranges::sort(points, {}, &Point::x); }

void add_series(Chart& chart, const Reported& reported, const results::Benchmark& benchmark, const Quantity& quantity) {
  const Lines lines(benchmark.configurations);
  std::map<Lines::Key, Polyline> points;
  for (const Configuration& c : benchmark.configurations) {
    if (c.failure) {
      chart.crosses.push_back({reported.look(), mib(c.weight_bytes),
                               fmt::format("{} failed ({}): {}", c.label, c.failure->stage, c.failure->reason)});
    } else {
      points[lines.key(c.parameters)].push_back(point_of(c, quantity));
    }
  }
  for (auto& [key, line] : points) {
    sort_by_size(line);
    Look look = reported.look();
    look.hollow = key.first == "w8a8";
    chart.series.push_back({look, line, reported.index == 0 && !look.hollow ? lines.label(key) : ""});
  }
}

void add_published(Chart& chart, std::string_view benchmark, const Quantity& quantity) {
  for (const PublishedRun& run : published_runs(benchmark)) {
    Polyline points;
    for (const PublishedPoint& p : run.points) {
      const double value = quantity.rate ? p.flop / p.milliseconds / 1e9 : p.milliseconds;
      points.push_back(
          {p.weight_mib, value, fmt::format("published, {}: {} {}", run.name(), significant(value), quantity.unit)});
    }
    sort_by_size(points);  // its label stands beside the last; rows of unlike chains are no curve
    chart.series.push_back({{.published = true}, points, run.chip, /*joined=*/false});
  }
}

// Bytes of weights a second, for the engines whose figures are known.
std::optional<double> weight_stream(const results::File& file) {
  if (!file.device.name.starts_with("sim:")) return std::nullopt;
  const auto profile = mil::parse_profile(std::string_view(file.device.name).substr(4));
  return profile ? std::optional(*sim::chip(profile->chip).weight_gbs * 1e9) : std::nullopt;
}

// The roofline over size: the peak, and below it what the stream of weights lets through, FLOP / (bytes / bandwidth).
void add_roof(Chart& chart, const Reported& reported, const results::Benchmark& benchmark) {
  const auto& device = reported.file->device;
  const Look look{.file = reported.index, .dashed = true};
  const std::optional<double> stream = weight_stream(*reported.file);
  if (device.peak_flops) {
    chart.guides.push_back({look,
                            {{1, *device.peak_flops / 1e12, ""}},
                            fmt::format("{}: peak, {}", reported.letter(), device.peak),
                            true});
  }
  if (!device.peak_flops || !stream) return;
  Polyline roof;
  for (const Configuration& c : benchmark.configurations) {
    const double rate = c.flop / (static_cast<double>(c.weight_bytes) / *stream);
    if (rate < *device.peak_flops) roof.push_back({mib(c.weight_bytes), rate / 1e12, ""});
  }
  sort_by_size(roof);
  chart.guides.push_back({look, roof, fmt::format("{}: stream of weights", reported.letter())});
}

Chart over_size(std::span<const Reported> files, std::string_view name, const Quantity& quantity) {
  Chart chart{.title = fmt::format("{} over the size of the weights", quantity.title),
              .x = {"weights, MiB"},
              .y = {quantity.unit}};
  for (const Reported& reported : files) {
    const results::Benchmark* benchmark = reported.file->find(name);
    if (benchmark == nullptr) continue;
    add_series(chart, reported, *benchmark, quantity);
    if (quantity.rate) add_roof(chart, reported, *benchmark);
  }
  add_published(chart, name, quantity);
  return chart;
}

// ---- the cliff

std::string told(const results::Cliff& cliff) {
  const std::string where =
      cliff.standard_error_mib
          ? fmt::format("{} ± {} MiB", significant(cliff.break_mib), significant(*cliff.standard_error_mib))
          : fmt::format("{} MiB, how surely the fit does not say", significant(cliff.break_mib));
  std::string text = cliff.found ? "time breaks at " + where : "no cliff found";
  text += fmt::format(" (p = {:.2g}, {} points)", cliff.p_value, cliff.points);
  for (const std::string& label : cliff.left_out) {
    text += (&label == &cliff.left_out.front() ? "; not fitted: " : ", ") + label;
  }
  return text;
}

Guide segment(const results::Segment& line, double from, double to) {
  const auto at = [&](double x) { return Point{x, line.ms + line.ms_per_mib * x, ""}; };
  return {.look = {.published = true}, .points = {at(from), at(to)}};
}

// Caches of the processor that computes; the small ones would all stand at the left edge.
void add_caches(Chart& chart, const results::File& file, double largest) {
  if (file.device.name != "cpu") return;
  for (const results::Cache& cache : file.machine.caches) {
    const double at = mib(cache.bytes);
    if (at < largest / 30 || at > largest) continue;
    chart.bands.push_back({{.published = true}, at, at, fmt::format("L{}", cache.level)});
  }
}

Chart cliff_chart(const Reported& reported, const results::Benchmark& benchmark) {
  const results::Cliff& cliff = *benchmark.cliff;
  Chart chart{.title = fmt::format("{}, {}: {}", reported.letter(), reported.file->device.name, told(cliff)),
              .x = {"weights, MiB", Scale::linear},
              .y = {"ms", Scale::linear}};
  add_series(chart, reported, benchmark, kTime);
  for (Series& series : chart.series) series.joined = false;  // the fit's lines stand there
  double smallest = cliff.break_mib, largest = cliff.break_mib;
  for (const Series& series : chart.series) {
    for (const Point& p : series.points) {
      smallest = std::min(smallest, p.x);
      largest = std::max(largest, p.x);
    }
  }
  chart.guides = {segment(cliff.below, smallest, cliff.break_mib), segment(cliff.above, cliff.break_mib, largest)};
  const double error = cliff.standard_error_mib.value_or(0);
  if (cliff.found) chart.bands.push_back({reported.look(), cliff.break_mib - error, cliff.break_mib + error});
  add_caches(chart, *reported.file, largest);
  return chart;
}

}  // namespace

std::string figures(std::span<const Reported> files, std::string_view name) {
  const Chart throughput = over_size(files, name, kThroughput);
  std::set<double> sizes;
  for (const Series& series : throughput.series) {
    for (const Point& p : series.points) sizes.insert(p.x);
  }
  if (sizes.size() < 2) return "";
  std::string html = "<div class=\"charts\">\n" + to_svg(throughput) + to_svg(over_size(files, name, kTime));
  for (const Reported& reported : files) {
    const results::Benchmark* benchmark = reported.file->find(name);
    if (benchmark != nullptr && benchmark->cliff) html += to_svg(cliff_chart(reported, *benchmark));
  }
  return html + "</div>\n";
}

}  // namespace anemone::bench
