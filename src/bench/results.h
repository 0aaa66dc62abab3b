// What `anemone bench NAME --json` wrote, read back: docs/anemone-bench-1.schema.json says what each field is.
//
//   results::File file = TRY(results::read("probe.json"));
//   for (const results::Benchmark& benchmark : file.benchmarks) puts(benchmark.name.c_str());
//
// Such files come from other machines and are hostile until read: every field has its kind and its least value, names
// that must be unique are, and a configuration has either times or a failure.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace anemone::bench::results {

inline constexpr std::string_view kSchema = "anemone-bench/1";

struct Cache {
  int64_t level = 0;
  std::string kind;  // data, unified
  int64_t bytes = 0;
};

struct Build {
  std::string version, compiler, type;
};

struct Machine {
  std::string cpu;
  int64_t cores = 0, threads = 0;  // 0 cores: not known
  std::vector<Cache> caches;
  int64_t memory_bytes = 0;  // 0: not known
  std::string os;
  Build build;
};

struct Device {
  std::string name, description, precision;
  std::optional<double> peak_flops;
  std::string peak;  // measured, stated, unknown
};

// A chain of `depth` 1×1 convolutions of `channels` channels over height·width pixels.
struct Parameters {
  int64_t channels = 0, height = 0, width = 0, depth = 0;
  std::string form, boundary;  // fp16, w8a8; fp16, fp32
  bool package = false;

  int64_t pixels() const { return height * width; }
  bool operator==(const Parameters&) const = default;
};

struct Derived {
  double median_ms = 0, median_low_ms = 0, median_high_ms = 0, mean_ms = 0, best_ms = 0, tflops = 0;
  std::optional<double> percent_of_peak;
  double gflops_per_mib = 0;
  std::optional<double> library_ms, fraction_of_library, speedup;
};

struct Check {
  bool passed = false;
  int64_t columns = 0;
  std::optional<double> error;  // none: no number
  double tolerance = 0;
};

struct Failure {
  std::string stage, reason;
};

struct Configuration {
  std::string label;
  Parameters parameters;
  double flop = 0;
  int64_t weight_bytes = 0, activation_bytes = 0, warmups = 0;
  std::vector<int64_t> times_ns;
  std::optional<Derived> derived;  // there where nothing failed
  std::optional<Check> check;
  std::optional<Failure> failure;
};

struct Segment {
  double ms = 0, ms_per_mib = 0;
};

struct Cliff {
  bool found = false;
  double p_value = 0, break_mib = 0;
  std::optional<double> standard_error_mib;
  Segment below, above;
  int64_t points = 0;
  std::vector<std::string> left_out{};  // labels of what the fit does not cover
};

struct Benchmark {
  std::string name;
  std::vector<Configuration> configurations;
  std::optional<Cliff> cliff;
};

struct File {
  std::string path, created;
  Machine machine;
  Device device;
  std::string clock;  // host, device, modelled
  std::vector<Benchmark> benchmarks;

  const Benchmark* find(std::string_view name) const;
  bool modelled() const { return clock == "modelled"; }
};

Result<File> read(const std::string& path);
Result<File> parse(std::string_view text, const std::string& path);

// Of the suite, in its order.
std::span<const std::string_view> benchmark_names();

}  // namespace anemone::bench::results
