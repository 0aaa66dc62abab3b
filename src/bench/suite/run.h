// Runs configurations of the suite on a device: checked first, then timed.
//
//   SuiteRun run(*device, {.precision = Precision::fp32, .only = "512ch"});
//   const BenchmarkResult result = run.measure(suite()[0], [](const std::string& label) { show(label); });
//   for (const Outcome& outcome : result.outcomes) print(outcome);
//
// Before its times count, a configuration's program runs once and its result is compared with `ref`'s. A configuration
// that fails says at which stage and why, and the next one runs.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "bench/suite/check.h"
#include "bench/suite/cliff.h"
#include "bench/suite/suite.h"
#include "device/clock.h"
#include "device/device.h"

namespace anemone::bench {

enum class PeakSource { unknown, stated, measured };
std::string_view to_string(PeakSource source);

struct RunOptions {
  Precision precision = Precision::fp32;     // the device's
  std::string only{};                        // configurations whose label contains it
  std::optional<int64_t> runs{}, warmups{};  // instead of the benchmark's
  uint64_t seed = 1;                         // of weights and inputs
};

enum class Stage { build, load, compile, check, run };
std::string_view to_string(Stage stage);

struct Failure {
  Stage stage;
  std::string reason;
};

struct Outcome {
  Configuration configuration;
  int64_t warmups = 0;
  std::vector<int64_t> times{};             // nanoseconds
  std::optional<double> library_seconds{};  // of the same products, alone
  std::optional<Checked> checked{};
  std::optional<Failure> failure{};

  std::vector<double> milliseconds() const;
  double median_ms() const;  // where there are times
  double tflops() const;
  double weight_mib() const;
  double gflops_per_mib() const { return tflops() * 1e3 / weight_mib(); }
  std::optional<double> fraction_of_library() const;  // of the best run
};

struct BenchmarkResult {
  const Benchmark* benchmark;
  std::vector<Outcome> outcomes;
  std::optional<Cliff> cliff{};

  // W8A8 against FP16 of the same shape, where both have times.
  std::optional<double> speedup(const Outcome& outcome) const;
  int64_t failures() const;
};

class SuiteRun {
 public:
  SuiteRun(Device& device, RunOptions options);

  using Progress = std::function<void(const std::string& label)>;
  BenchmarkResult measure(const Benchmark& benchmark, const Progress& progress);

  const DeviceInfo& device() const { return info_; }
  Precision precision() const { return options_.precision; }
  Clock clock() const { return clock_; }
  // FLOP a second: the chip's, or on `cpu` the fastest that the library has multiplied in this run so far.
  std::optional<double> peak() const { return peak_; }
  PeakSource peak_source() const { return peak_source_; }

 private:
  Outcome measure(const Benchmark& benchmark, const Configuration& configuration);
  Result<> attempt(const Benchmark& benchmark, Outcome& outcome, Stage& stage);
  Result<> time_beside_library(Request& request, const Benchmark& benchmark, Outcome& outcome);
  Result<> time(Request& request, const Benchmark& benchmark, Outcome& outcome);

  Device& device_;
  RunOptions options_;
  DeviceInfo info_;
  Clock clock_;  // what runs have shown; before the first, what is likely
  std::optional<double> peak_;
  PeakSource peak_source_ = PeakSource::unknown;
};

}  // namespace anemone::bench
