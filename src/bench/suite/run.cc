#include "bench/suite/run.h"

#include <algorithm>
#include <numeric>

#include "bench/limit.h"
#include "bench/suite/check.h"
#include "bench/suite/packages.h"

namespace anemone::bench {
namespace {

constexpr double kMebibyte = 1 << 20;

// One product C[m, n] = A[m, k]·B[k, n] so many times, with another A each time.
Limit products(int64_t m, int64_t n, int64_t k, int64_t times, Precision precision) {
  const Gemm gemm{.m = m, .n = n, .k = k, .lda = k, .ldb = n, .ldc = n};
  return Limit({{.name = "product", .gemm = gemm, .times = times, .weights = StepProduct::Weights::left}}, 0,
               precision);
}

Limit products_of(const Chain& chain, Precision precision) {
  return products(chain.channels, chain.pixels(), chain.channels, chain.depth, precision);
}

std::optional<CliffPoint> point_of(const Outcome& outcome) {
  if (outcome.failure) return std::nullopt;
  return CliffPoint{outcome.configuration.label, outcome.weight_mib(), outcome.median_ms(),
                    outcome.configuration.chain.pixels()};
}

std::optional<Cliff> cliff_of(const std::vector<Outcome>& outcomes) {
  std::vector<CliffPoint> points;
  for (const Outcome& outcome : outcomes) {
    if (const auto point = point_of(outcome)) points.push_back(*point);
  }
  return points.empty() ? std::nullopt : find_cliff(std::move(points));
}

}  // namespace

std::string_view to_string(PeakSource source) {
  return source == PeakSource::unknown ? "unknown" : source == PeakSource::stated ? "stated" : "measured";
}

std::string_view to_string(Stage stage) {
  constexpr std::string_view kNames[] = {"build", "load", "compile", "check", "run"};
  return kNames[static_cast<size_t>(stage)];
}

// ---- what times say

std::vector<double> Outcome::milliseconds() const {
  std::vector<double> list;
  for (const int64_t time : times) list.push_back(static_cast<double>(time) * 1e-6);
  return list;
}

double Outcome::median_ms() const { return median(milliseconds()); }
double Outcome::tflops() const { return configuration.chain.flop() * 1e-9 / median_ms(); }
double Outcome::weight_mib() const { return static_cast<double>(configuration.chain.weight_bytes()) / kMebibyte; }

std::optional<double> Outcome::fraction_of_library() const {
  if (!library_seconds || times.empty()) return std::nullopt;
  return *library_seconds / (static_cast<double>(*std::ranges::min_element(times)) * 1e-9);
}

std::optional<double> BenchmarkResult::speedup(const Outcome& outcome) const {
  if (outcome.configuration.chain.form == Form::fp16 || outcome.failure) return std::nullopt;
  Chain same = outcome.configuration.chain;
  same.form = Form::fp16;
  for (const Outcome& other : outcomes) {
    if (other.configuration.chain == same && !other.failure) return other.median_ms() / outcome.median_ms();
  }
  return std::nullopt;
}

int64_t BenchmarkResult::failures() const {
  return std::ranges::count_if(outcomes, [](const Outcome& outcome) { return outcome.failure.has_value(); });
}

// ---- the run

SuiteRun::SuiteRun(Device& device, RunOptions options)
    : device_(device),
      options_(std::move(options)),
      info_(device.info()),
      clock_(is_simulated(info_.name) ? Clock::modelled : Clock::host),
      peak_(info_.peak_flops) {
  if (peak_) peak_source_ = PeakSource::stated;
  if (info_.name != "cpu") return;
  Limit square = products(1024, 1024, 1024, 2, options_.precision);
  for (int i = 0; i < 2; ++i) square.measure();
  peak_ = square.flops() / square.product_seconds();
  peak_source_ = PeakSource::measured;
}

BenchmarkResult SuiteRun::measure(const Benchmark& benchmark, const Progress& progress) {
  BenchmarkResult result{&benchmark, {}};
  for (const Configuration& configuration : benchmark.configurations) {
    if (configuration.label.find(options_.only) == std::string::npos) continue;
    progress(configuration.label);
    result.outcomes.push_back(measure(benchmark, configuration));
  }
  if (benchmark.seeks_cliff) result.cliff = cliff_of(result.outcomes);
  return result;
}

Outcome SuiteRun::measure(const Benchmark& benchmark, const Configuration& configuration) {
  Outcome outcome{.configuration = configuration};
  Stage stage = Stage::build;
  if (const Result<> done = attempt(benchmark, outcome, stage); !done) {
    outcome.failure = Failure{stage, done.error().message};
    outcome.times.clear();
  }
  return outcome;
}

// Leaves `stage` where it fails.
Result<> SuiteRun::attempt(const Benchmark& benchmark, Outcome& outcome, Stage& stage) {
  const Chain& chain = outcome.configuration.chain;
  const mil::Weights weights = chain_weights(chain, options_.seed);
  ChainProgram source{TRY(chain_function(chain)), weights};
  stage = Stage::load;
  if (outcome.configuration.package) source = TRY(through_package(chain, weights));
  stage = Stage::compile;
  const auto program = TRY(device_.compile(source.function, source.weights));
  const auto x = TRY(device_.allocate(program->signature().inputs[0].type.bytes()));
  const auto y = TRY(device_.allocate(program->signature().outputs[0].type.bytes()));
  const auto request = TRY(program->bind({x.get()}, {y.get()}));
  stage = Stage::check;
  const ChainCheck check = TRY(ChainCheck::create(chain, weights, options_.seed + 1));
  check.fill(*x);
  const RunTime first = TRY(request->run());
  clock_ = clock_of(first);
  outcome.checked = check.compare(*y, tolerance_of(chain, info_.name, options_.precision));
  if (!outcome.checked->passed()) return fail("{}", outcome.checked->where);
  stage = Stage::run;
  return time_beside_library(*request, benchmark, outcome);
}

// On `cpu` the library multiplies before and after: what else the machine does slows both.
Result<> SuiteRun::time_beside_library(Request& request, const Benchmark& benchmark, Outcome& outcome) {
  if (peak_source_ != PeakSource::measured) return time(request, benchmark, outcome);
  Limit library = products_of(outcome.configuration.chain, options_.precision);
  library.measure();
  TRY(time(request, benchmark, outcome));
  library.measure();
  outcome.library_seconds = library.product_seconds();
  peak_ = std::max(*peak_, library.flops() / library.product_seconds());
  return {};
}

// A model gives the same time whenever it is asked: once is enough.
Result<> SuiteRun::time(Request& request, const Benchmark& benchmark, Outcome& outcome) {
  const bool modelled = clock_ == Clock::modelled;
  outcome.warmups = options_.warmups.value_or(modelled ? 0 : benchmark.warmups);
  for (int64_t i = 0; i < outcome.warmups; ++i) TRY(request.run());
  const int64_t runs = options_.runs.value_or(modelled ? 1 : benchmark.runs);
  for (int64_t i = 0; i < runs; ++i) {
    outcome.times.push_back(time_of(TRY(request.run())).count());
  }
  return {};
}

}  // namespace anemone::bench
