// What others measured on real engines with a benchmark's programs, beside whose rows ours stand.
//
//   for (const PublishedRun& run : published_runs("sram_probe")) {
//     if (const auto ms = run.milliseconds(configuration.parameters)) fmt::print("{}: {} ms\n", run.name, *ms);
//   }
#pragma once

#include "bench/results.h"

namespace anemone::bench {

struct PublishedPoint {
  results::Parameters parameters;
  double milliseconds = 0, flop = 0, weight_mib = 0;
};

// A published table's rows of one chip.
struct PublishedRun {
  std::string chip, source, note;
  std::vector<PublishedPoint> points;

  std::string name() const { return chip + ", " + source; }
  std::optional<double> milliseconds(const results::Parameters& parameters) const;  // of the same chain, if it is there
};

// Runs before the engine's clock was up are left out where the same chip has others.
std::vector<PublishedRun> published_runs(std::string_view benchmark);

}  // namespace anemone::bench
