#include "bench/compare.h"

#include <algorithm>

#include "base/json.h"

namespace anemone::bench {
namespace {

using results::Configuration;

constexpr uint64_t kSeed = 1;

// A clock that did not tick gives 0: as long as that takes at most.
std::vector<double> milliseconds(const Configuration& c) {
  std::vector<double> times;
  for (const int64_t t : c.times_ns) times.push_back(static_cast<double>(std::max<int64_t>(t, 1)) / 1e6);
  return times;
}

Verdict verdict_of(const Estimate& ratio) {
  return ratio.high < 1 ? Verdict::faster : ratio.low > 1 ? Verdict::slower : Verdict::same;
}

ComparedConfiguration compared(const std::string& benchmark, const Configuration& a, const Configuration& b,
                               double threshold) {
  ComparedConfiguration row{.benchmark = benchmark, .label = a.label, .ratio = {}};
  if (a.failure || b.failure) {
    row.verdict = a.failure && b.failure ? Verdict::broken : a.failure ? Verdict::works : Verdict::fails;
    row.regression = row.verdict == Verdict::fails;
    return row;
  }
  const std::vector<double> before = milliseconds(a), after = milliseconds(b);
  row.before_ms = median(before);
  row.after_ms = median(after);
  row.ratio = estimate_ratio(after, before, kSeed);
  row.verdict = verdict_of(row.ratio);
  row.regression = row.ratio.low > 1 + threshold;
  return row;
}

const Configuration* find(const results::File& file, const std::string& benchmark, const Configuration& wanted) {
  const results::Benchmark* found = file.find(benchmark);
  if (found == nullptr) return nullptr;
  const auto same = std::ranges::find_if(found->configurations, [&](const Configuration& c) {
    return c.label == wanted.label && c.parameters == wanted.parameters;
  });
  return same == found->configurations.end() ? nullptr : &*same;
}

template <class Visit>
void for_each_configuration(const results::File& file, const Visit& visit) {
  for (const results::Benchmark& benchmark : file.benchmarks) {
    for (const Configuration& c : benchmark.configurations) visit(benchmark.name, c);
  }
}

std::string described(const results::File& file) {
  return fmt::format("{}: {}, {}, {} clock, {}, {}", file.path, file.device.name, file.device.precision, file.clock,
                     file.machine.cpu, file.created);
}

std::string numbers(const ComparedConfiguration& row) {
  const auto time = [](double ms) { return ms > 0 ? fmt::format("{:.4g}", ms) : std::string("-"); };
  const std::string ratio =
      row.before_ms > 0 && row.after_ms > 0
          ? fmt::format("{:.3f}  {:.3f} to {:.3f}", row.ratio.value, row.ratio.low, row.ratio.high)
          : "-";
  return fmt::format("{:>11}{:>11}   {:<23}", time(row.before_ms), time(row.after_ms), ratio);
}

std::string missing_text(const std::vector<MissingConfiguration>& missing, const std::string& path) {
  std::string text = missing.empty() ? "" : fmt::format("\nonly in {}:\n", path);
  for (const MissingConfiguration& m : missing) text += fmt::format("  {:<12} {}\n", m.benchmark, m.label);
  return text;
}

nlohmann::json missing_json(const std::vector<MissingConfiguration>& missing) {
  nlohmann::json array = nlohmann::json::array();
  for (const MissingConfiguration& m : missing) array.push_back({{"benchmark", m.benchmark}, {"label", m.label}});
  return array;
}

nlohmann::json row_json(const ComparedConfiguration& row) {
  nlohmann::json json{{"benchmark", row.benchmark},
                      {"label", row.label},
                      {"verdict", to_string(row.verdict)},
                      {"regression", row.regression}};
  const bool timed = row.before_ms > 0 && row.after_ms > 0;
  const auto or_null = [&](double value) { return timed ? nlohmann::json(value) : nlohmann::json(); };
  json["before_ms"] = or_null(row.before_ms);
  json["after_ms"] = or_null(row.after_ms);
  json["ratio"] = or_null(row.ratio.value);
  json["ratio_low"] = or_null(row.ratio.low);
  json["ratio_high"] = or_null(row.ratio.high);
  return json;
}

}  // namespace

std::string_view to_string(Verdict verdict) {
  constexpr std::string_view kNames[] = {"faster", "slower", "same within noise", "fails now", "works now", "fails"};
  return kNames[static_cast<size_t>(verdict)];
}

int64_t Comparison::regressions() const { return std::ranges::count_if(rows, &ComparedConfiguration::regression); }

Comparison compare(const results::File& before, const results::File& after, double threshold) {
  Comparison comparison{.threshold = threshold, .rows = {}, .only_before = {}, .only_after = {}};
  for_each_configuration(before, [&](const std::string& benchmark, const Configuration& a) {
    const Configuration* b = find(after, benchmark, a);
    if (b == nullptr) {
      comparison.only_before.push_back({benchmark, a.label});
    } else {
      comparison.rows.push_back(compared(benchmark, a, *b, threshold));
    }
  });
  for_each_configuration(after, [&](const std::string& benchmark, const Configuration& b) {
    if (find(before, benchmark, b) == nullptr) comparison.only_after.push_back({benchmark, b.label});
  });
  return comparison;
}

std::vector<std::string> differences(const results::File& before, const results::File& after) {
  std::vector<std::string> notes;
  const auto note = [&](std::string_view what, const std::string& a, const std::string& b) {
    if (a != b) notes.push_back(fmt::format("{} differs: {}, then {}", what, a, b));
  };
  note("the clock", before.clock, after.clock);
  note("the processor", before.machine.cpu, after.machine.cpu);
  note("the device", before.device.name, after.device.name);
  note("the precision", before.device.precision, after.device.precision);
  note("the number of threads", std::to_string(before.machine.threads), std::to_string(after.machine.threads));
  return notes;
}

std::string to_text(const Comparison& comparison, const results::File& before, const results::File& after) {
  std::string text = fmt::format("before  {}\nafter   {}\n", described(before), described(after));
  for (const std::string& note : differences(before, after)) text += fmt::format("note    {}\n", note);
  text += fmt::format("\n{:<12} {:<28}{:>11}{:>11}   {:<23}{}\n", "benchmark", "configuration", "before ms", "after ms",
                      "ratio  95 % interval", "verdict");
  for (const ComparedConfiguration& row : comparison.rows) {
    text += fmt::format("{:<12} {:<28}{}{}{}\n", row.benchmark, row.label, numbers(row), to_string(row.verdict),
                        row.regression ? " <- regression" : "");
  }
  text += missing_text(comparison.only_before, before.path) + missing_text(comparison.only_after, after.path);
  return text +
         fmt::format("\n{} compared, {} regressions: more than {:g} % slower with 95 % confidence, or failing now\n",
                     comparison.rows.size(), comparison.regressions(), 100 * comparison.threshold);
}

std::string to_json(const Comparison& comparison, const results::File& before, const results::File& after) {
  nlohmann::json json{{"before", before.path},
                      {"after", after.path},
                      {"threshold", comparison.threshold},
                      {"differences", differences(before, after)},
                      {"configurations", nlohmann::json::array()},
                      {"only_before", missing_json(comparison.only_before)},
                      {"only_after", missing_json(comparison.only_after)},
                      {"regressions", comparison.regressions()}};
  for (const ComparedConfiguration& row : comparison.rows) json["configurations"].push_back(row_json(row));
  return json.dump(2, ' ', /*ensure_ascii=*/false, nlohmann::json::error_handler_t::replace) + "\n";
}

}  // namespace anemone::bench
