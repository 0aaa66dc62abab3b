// anemone bench inmem_peak, …, all: the suite; anemone bench packages: its programs as files.
#include <memory>

#include "bench/suite/packages.h"
#include "bench/suite/report.h"
#include "cli/command.h"
#include "cli/device_flags.h"

namespace anemone::cli {
namespace {

using bench::Benchmark;

struct Flags {
  DeviceFlags on;
  bench::RunOptions run;
  bool json = false;
};

bool is_chosen(const Benchmark& benchmark, const std::string& name) { return name == "all" || name == benchmark.name; }

// For CLI11: empty, or why no configuration is chosen.
std::string why_none(const std::string& name, const std::string& only) {
  for (const Benchmark& benchmark : bench::suite()) {
    for (const bench::Configuration& configuration : benchmark.configurations) {
      if (is_chosen(benchmark, name) && configuration.label.find(only) != std::string::npos) return "";
    }
  }
  return fmt::format("no label of {} contains \"{}\"; `anemone bench {} --help` lists them", name, only, name);
}

Result<> verdict(const bench::SuiteReport& report) {
  int64_t failures = 0, all = 0;
  for (const bench::BenchmarkResult& result : report.results) {
    failures += result.failures();
    all += std::ssize(result.outcomes);
  }
  if (failures == 0) return {};
  return fail("{} of {} configurations failed: their rows say why", failures, all);
}

Result<> run_suite(const std::string& name, Flags flags) {
  flags.run.precision = precision_of(flags.on);
  const auto device = TRY(open_device(flags.on, flags.run.precision));
  bench::SuiteRun run(*device, flags.run);
  std::vector<bench::BenchmarkResult> results;
  for (const Benchmark& benchmark : bench::suite()) {
    if (!is_chosen(benchmark, name)) continue;
    bench::BenchmarkResult result = run.measure(
        benchmark, [&](const std::string& label) { fmt::print(stderr, "{}: {}\n", benchmark.name, label); });
    if (result.outcomes.empty()) continue;
    if (!flags.json) fmt::print("{}{}", results.empty() ? "" : "\n", to_text(bench::SuiteReport(run), result));
    results.push_back(std::move(result));
  }
  bench::SuiteReport report(run);
  report.results = std::move(results);
  if (flags.json) fmt::print("{}", to_json(report));
  return verdict(report);
}

struct PackageFlags {
  std::string folder, only;
};

Result<> write_packages(const PackageFlags& flags) {
  return bench::write_packages(flags.folder, flags.only, [](const std::string& path) { fmt::print("{}\n", path); });
}

std::string labels_of(const std::string& name) {
  std::string text = "Configurations:\n";
  for (const Benchmark& benchmark : bench::suite()) {
    if (!is_chosen(benchmark, name)) continue;
    for (const bench::Configuration& configuration : benchmark.configurations) {
      text += fmt::format("  {}\n", configuration.label);
    }
  }
  return text;
}

void add_benchmark(CLI::App& to, Action& action, const std::string& name, const std::string& help) {
  auto flags = std::make_shared<Flags>();
  CLI::App* app = to.add_subcommand(name, help);
  const CLI::Range positive(int64_t{1}, int64_t{1} << 20), whole(int64_t{0}, int64_t{1} << 20);
  add_device_flags(*app, flags->on);
  app->add_option("--repeat", flags->run.runs, "Runs to time [the seed's; 1 where time is modelled]")->check(positive);
  app->add_option("--warmup", flags->run.warmups, "Runs before these, after the one that is checked [likewise; 0]")
      ->check(whole);
  app->add_option("--only", flags->run.only, "Only configurations whose label contains this")
      ->check([name](const std::string& only) { return why_none(name, only); });
  app->add_flag("--json", flags->json, "For machines: docs/benchmarks.md tells the fields");
  app->footer(fmt::format("Example: anemone bench {} --device sim:m4\n{}", name, labels_of(name)));
  app->callback([&action, name, flags] { action = [name, flags] { return run_suite(name, *flags); }; });
}

}  // namespace

void add_bench_suite(CLI::App& to, Action& action) {
  for (const Benchmark& benchmark : bench::suite()) add_benchmark(to, action, benchmark.name, benchmark.title);
  add_benchmark(to, action, "all", "All benchmarks of the suite");
  auto flags = std::make_shared<PackageFlags>();
  CLI::App* packages = to.add_subcommand("packages", "Write the .mlpackage folders that the seed's programs read");
  packages->add_option("DIR", flags->folder, "Made where it is missing")->required();
  packages->add_option("--only", flags->only, "Only packages whose name contains this");
  packages->footer("Example: anemone bench packages /tmp --only 256ch");
  packages->callback([&action, flags] { action = [flags] { return write_packages(*flags); }; });
}

}  // namespace anemone::cli
