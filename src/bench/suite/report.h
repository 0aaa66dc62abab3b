// What a run of the suite found, for people and for machines.
//
//   SuiteReport report(run);
//   report.results.push_back(result);
//   fmt::print("{}", to_text(report, result));      // a table
//   fmt::print("{}", to_json(report));              // docs/benchmarks.md, "anemone-bench/1"
#pragma once

#include <string>
#include <vector>

#include "base/machine.h"
#include "bench/suite/run.h"

namespace anemone::bench {

struct SuiteReport {
  explicit SuiteReport(const SuiteRun& run);  // as far as it has come; results follow

  std::string created;  // "2026-01-31T12:00:00Z"
  Machine machine;
  DeviceInfo device;
  Precision precision;
  Clock clock;
  PeakSource peak_source;
  std::optional<double> peak;  // FLOP a second
  std::vector<BenchmarkResult> results{};

  std::optional<double> percent_of_peak(const Outcome& outcome) const;
};

// The seed's table of one benchmark, and what it says.
std::string to_text(const SuiteReport& report, const BenchmarkResult& result);
std::string to_json(const SuiteReport& report);

}  // namespace anemone::bench
