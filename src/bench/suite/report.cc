#include "bench/suite/report.h"

#include <ctime>

namespace anemone::bench {
namespace {

std::string now() {
  const std::time_t time = std::time(nullptr);
  std::tm utc{};
  gmtime_r(&time, &utc);
  char text[32];
  return {text, std::strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%SZ", &utc)};
}

}  // namespace

SuiteReport::SuiteReport(const SuiteRun& run)
    : created(now()),
      machine(this_machine()),
      device(run.device()),
      precision(run.precision()),
      clock(run.clock()),
      peak_source(run.peak_source()),
      peak(run.peak()) {}

std::optional<double> SuiteReport::percent_of_peak(const Outcome& outcome) const {
  if (!peak || outcome.times.empty()) return std::nullopt;
  return 100 * outcome.tflops() * 1e12 / *peak;
}

}  // namespace anemone::bench
