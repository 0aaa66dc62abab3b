// The report as the seed's tables.
#include <fmt/format.h>

#include <algorithm>

#include "bench/suite/report.h"

namespace anemone::bench {
namespace {

constexpr double kMebibyte = 1 << 20;

double mebibytes(int64_t bytes) { return static_cast<double>(bytes) / kMebibyte; }

struct ColumnText {
  Column column;
  int width;
  const char* title;
};
constexpr ColumnText kColumns[] = {
    {Column::weights, 8, "W(MB)"},     {Column::activations, 9, "Act(MB)"},   {Column::total, 9, "Tot(MB)"},
    {Column::gflop, 8, "GFLOP"},       {Column::milliseconds, 13, "ms/eval"}, {Column::tflops, 8, "TFLOPS"},
    {Column::peak, 8, "%peak"},        {Column::library, 12, "of library"},   {Column::density, 11, "GFLOPS/MB"},
    {Column::speedup, 10, "speed-up"},
};
static_assert(std::size(kColumns) == static_cast<size_t>(Column::speedup) + 1);

const ColumnText& text_of(Column column) { return kColumns[static_cast<size_t>(column)]; }

// Three digits or so of a figure that lies between thousandths and thousands.
std::string digits(double value) { return fmt::format("{:.{}f}", value, value < 1 ? 4 : value < 10 ? 2 : 1); }

std::string percent(const std::optional<double>& value) { return value ? fmt::format("{:.1f}%", *value) : "-"; }
std::string times(const std::optional<double>& value) { return value ? fmt::format("{:.2f}x", *value) : ""; }

class Table {
 public:
  Table(const SuiteReport& report, const BenchmarkResult& result) : report_(report), result_(result) {}

  std::string text() const {
    std::string text = fmt::format("{:<28}", "Config");
    for (const Column column : shown()) text += fmt::format("{:>{}}", text_of(column).title, text_of(column).width);
    for (const Outcome& outcome : result_.outcomes) text += fmt::format("\n{}", row(outcome));
    return text + "\n";
  }

 private:
  // The library's rate stands beside what it was measured for.
  std::vector<Column> shown() const {
    std::vector<Column> columns = result_.benchmark->columns;
    if (report_.peak_source != PeakSource::measured) std::erase(columns, Column::library);
    return columns;
  }

  std::string row(const Outcome& outcome) const {
    std::string row = fmt::format("{:<28}", outcome.configuration.label);
    for (const Column column : shown()) {
      if (outcome.failure && needs_time(column)) {
        return row + fmt::format("  FAIL({}: {})", to_string(outcome.failure->stage), outcome.failure->reason);
      }
      row += fmt::format("{:>{}}", cell(outcome, column), text_of(column).width);
    }
    return is_beyond_cliff(outcome) ? row + " <-- spilling?" : row;
  }

  static bool needs_time(Column column) { return column >= Column::milliseconds; }

  bool is_beyond_cliff(const Outcome& outcome) const {
    return result_.cliff && result_.cliff->found && outcome.weight_mib() > result_.cliff->fit.at;
  }

  std::string cell(const Outcome& outcome, Column column) const {
    const Chain& chain = outcome.configuration.chain;
    const double activations = mebibytes(chain.activation_bytes());
    switch (column) {
      case Column::weights:
        return fmt::format("{:.1f}", outcome.weight_mib());
      case Column::activations:
        return fmt::format("{:.2f}", activations);
      case Column::total:
        return fmt::format("{:.1f}", outcome.weight_mib() + 2 * activations);
      case Column::gflop:
        return fmt::format("{:.2f}", chain.flop() * 1e-9);
      case Column::milliseconds:
        return fmt::format("{:.3f} ms", outcome.median_ms());
      case Column::tflops:
        return digits(outcome.tflops());
      case Column::peak:
        return percent(report_.percent_of_peak(outcome));
      case Column::library:
        return times(outcome.fraction_of_library());
      case Column::density:
        return fmt::format("{:.1f}", outcome.gflops_per_mib());
      case Column::speedup:
        return times(result_.speedup(outcome));
    }
    return "";
  }

  const SuiteReport& report_;
  const BenchmarkResult& result_;
};

std::string clock_sentence(Clock clock) {
  switch (clock) {
    case Clock::host:
      return "the host's clock";
    case Clock::device:
      return "the device's clock";
    case Clock::modelled:
      return "modelled time";
  }
  return "";
}

std::string peak_sentence(const SuiteReport& report) {
  if (!report.peak) return "no peak is known";
  return fmt::format("peak {} TFLOPS, {}", digits(*report.peak * 1e-12),
                     report.peak_source == PeakSource::measured ? "the library's fastest product in this run"
                                                                : "as stated for the chip");
}

// "256ch x64sp and 512ch x64sp"
std::string listed(const std::vector<std::string>& labels) {
  std::string text;
  for (size_t i = 0; i < labels.size(); ++i) {
    text += fmt::format("{}{}", i == 0 ? "" : i + 1 == labels.size() ? " and " : ", ", labels[i]);
  }
  return text;
}

std::string give_or_take(const TwoSegments& fit) {
  return fit.standard_error ? fmt::format(" ± {:.1f} MiB (standard error)", *fit.standard_error) : " MiB";
}

std::string where(const Cliff& cliff) {
  const double below = cliff.fit.below.slope, above = cliff.fit.above.slope;
  const std::string sure = fmt::format("(p = {:.3g}; {} points)", cliff.p_value, cliff.points);
  if (cliff.found) {
    return fmt::format("Cliff: at {:.1f}{} of weights: from {:.4f} to {:.4f} ms more each MiB {}.\n", cliff.fit.at,
                       give_or_take(cliff.fit), below, above, sure);
  }
  if (above < below && cliff.p_value < kSureOfBreak) {
    return fmt::format("Cliff: none. Beyond {:.1f} MiB each MiB adds less, {:.4f} ms after {:.4f} {}.\n", cliff.fit.at,
                       above, below, sure);
  }
  return fmt::format("Cliff: none that these times bear out: one line says as much as two {}.\n", sure);
}

std::string size_of(int64_t bytes) {
  return bytes < kMebibyte ? fmt::format("{} KiB", bytes >> 10) : fmt::format("{:.4g} MiB", mebibytes(bytes));
}

std::string cliff_text(const SuiteReport& report, const BenchmarkResult& result) {
  if (!result.benchmark->seeks_cliff) return "";
  if (!result.cliff) return fmt::format("\nCliff: too few points to tell; {} are needed.\n", kLeastPoints);
  std::string text = fmt::format("\n{}", where(*result.cliff));
  if (!result.cliff->left_out.empty())
    text += fmt::format("Left out of the fit: {}.\n", listed(result.cliff->left_out));
  if (report.device.name != "cpu" || report.machine.caches.empty()) return text;
  text += "Caches of data, as the system reports them:";
  for (const Cache& cache : report.machine.caches) text += fmt::format(" L{} {}", cache.level, size_of(cache.bytes));
  return text + ".\n";
}

bool failed_before(const Outcome& outcome, Stage stage) { return outcome.failure && outcome.failure->stage <= stage; }

// What became of programs that come from packages, step by step, as inmem_basic tells it.
std::string steps_text(const BenchmarkResult& result) {
  std::string text;
  for (const Outcome& outcome : result.outcomes) {
    if (!outcome.configuration.package) continue;
    const auto answer = [&](Stage stage) { return failed_before(outcome, stage) ? "NO" : "YES"; };
    text += fmt::format("load: {}  compile: {}  evaluate: {}\n", answer(Stage::load), answer(Stage::compile),
                        answer(Stage::run));
    if (!outcome.failure)
      text += fmt::format("{:.3f} ms/eval, {} TFLOPS\n", outcome.median_ms(), digits(outcome.tflops()));
  }
  return text.empty() ? text : text + "\n";
}

}  // namespace

std::string to_text(const SuiteReport& report, const BenchmarkResult& result) {
  return fmt::format("{}: {}\n{} ({}), {}; {}; {}; medians\n\n{}{}{}", result.benchmark->name, result.benchmark->title,
                     report.device.name, report.device.description, to_string(report.precision),
                     clock_sentence(report.clock), peak_sentence(report), steps_text(result),
                     Table(report, result).text(), cliff_text(report, result));
}

}  // namespace anemone::bench
