// The report as JSON; docs/benchmarks.md tells its fields, docs/anemone-bench-1.schema.json is its schema.
#include <algorithm>
#include <cmath>
#include <numeric>

#include "base/machine_json.h"
#include "bench/suite/report.h"

namespace anemone::bench {
namespace {

using Json = nlohmann::ordered_json;

Json or_null(const std::optional<double>& value) { return value ? Json(*value) : Json(); }

Json json_of(const Configuration& configuration) {
  const Chain& chain = configuration.chain;
  return {{"channels", chain.channels},
          {"height", chain.height},
          {"width", chain.width},
          {"depth", chain.depth},
          {"form", to_string(chain.form)},
          {"boundary", mil::to_string(chain.boundary)},
          {"package", configuration.package}};
}

Json derived(const Outcome& outcome, const BenchmarkResult& result, const SuiteReport& report) {
  if (outcome.times.empty()) return {};
  const std::vector<double> ms = outcome.milliseconds();
  const Estimate median = estimate_median(ms, /*seed=*/1);
  const auto library = outcome.library_seconds;
  return {{"median_ms", median.value},
          {"median_low_ms", median.low},
          {"median_high_ms", median.high},
          {"mean_ms", std::accumulate(ms.begin(), ms.end(), 0.0) / static_cast<double>(ms.size())},
          {"best_ms", *std::ranges::min_element(ms)},
          {"tflops", outcome.tflops()},
          {"percent_of_peak", or_null(report.percent_of_peak(outcome))},
          {"gflops_per_mib", outcome.gflops_per_mib()},
          {"library_ms", library ? Json(*library * 1e3) : Json()},
          {"fraction_of_library", or_null(outcome.fraction_of_library())},
          {"speedup", or_null(result.speedup(outcome))}};
}

Json json_of(const std::optional<Checked>& checked) {
  if (!checked) return {};
  return {{"passed", checked->passed()},
          {"columns", checked->columns},
          {"error", std::isfinite(checked->error) ? Json(checked->error) : Json()},
          {"tolerance", checked->tolerance}};
}

Json json_of(const std::optional<Failure>& failure) {
  if (!failure) return {};
  return {{"stage", to_string(failure->stage)}, {"reason", failure->reason}};
}

Json json_of(const Outcome& outcome, const BenchmarkResult& result, const SuiteReport& report) {
  const Chain& chain = outcome.configuration.chain;
  return {{"label", outcome.configuration.label},
          {"parameters", json_of(outcome.configuration)},
          {"flop", chain.flop()},
          {"weight_bytes", chain.weight_bytes()},
          {"activation_bytes", chain.activation_bytes()},
          {"warmups", outcome.warmups},
          {"times_ns", outcome.times},
          {"derived", derived(outcome, result, report)},
          {"check", json_of(outcome.checked)},
          {"failure", json_of(outcome.failure)}};
}

Json json_of(const Line& line) { return {{"ms", line.intercept}, {"ms_per_mib", line.slope}}; }

Json json_of(const Cliff& cliff) {
  return {{"found", cliff.found},
          {"p_value", cliff.p_value},
          {"break_mib", cliff.fit.at},
          {"standard_error_mib", or_null(cliff.fit.standard_error)},
          {"below", json_of(cliff.fit.below)},
          {"above", json_of(cliff.fit.above)},
          {"points", cliff.points},
          {"left_out", cliff.left_out}};
}

Json json_of(const BenchmarkResult& result, const SuiteReport& report) {
  Json configurations = Json::array();
  for (const Outcome& outcome : result.outcomes) configurations.push_back(json_of(outcome, result, report));
  Json json{{"name", result.benchmark->name}, {"configurations", configurations}};
  if (result.cliff) json["cliff"] = json_of(*result.cliff);
  return json;
}

}  // namespace

std::string to_json(const SuiteReport& report) {
  Json benchmarks = Json::array();
  for (const BenchmarkResult& result : report.results) benchmarks.push_back(json_of(result, report));
  const Json json{{"schema", "anemone-bench/1"},
                  {"created", report.created},
                  {"machine", machine_json(report.machine)},
                  {"device",
                   {{"name", report.device.name},
                    {"description", report.device.description},
                    {"precision", to_string(report.precision)},
                    {"peak_flops", or_null(report.peak)},
                    {"peak", to_string(report.peak_source)}}},
                  {"clock", to_string(report.clock)},
                  {"benchmarks", benchmarks}};
  return json.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

}  // namespace anemone::bench
