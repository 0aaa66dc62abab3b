#include "bench/suite/report.h"

namespace anemone::bench {
SuiteReport::SuiteReport(const SuiteRun& run)
    : created(time_now()),
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
