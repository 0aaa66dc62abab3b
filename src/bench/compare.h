// Two runs of the benchmarks, configuration by configuration: what became slower, and how sure that is.
//
//   const Comparison comparison = compare(before, after, /*threshold=*/0.05);
//   for (const ComparedConfiguration& c : comparison.rows) fmt::print("{} {:.2f}\n", c.label, c.ratio.value);
//   return comparison.regressions() == 0 ? 0 : 1;
//
// The intervals know of the scatter within each run alone. Runs differ by more where a machine is warm or busy: what a
// second run of the same program shows beside the first is the least difference that means something.
#pragma once

#include "bench/results.h"
#include "bench/statistics.h"

namespace anemone::bench {

enum class Verdict {
  faster,  // the interval lies wholly below 1
  slower,  // wholly above 1
  same,    // within noise
  fails,   // it ran in the first file, and fails in the second
  works,   // the other way round
  broken,  // it fails in both
};
std::string_view to_string(Verdict verdict);

struct ComparedConfiguration {
  std::string benchmark, label;
  double before_ms = 0, after_ms = 0;  // medians; 0 where it failed
  Estimate ratio;                      // of the medians, after over before
  Verdict verdict = Verdict::same;
  bool regression = false;  // the interval lies wholly above 1 + threshold, or it fails now
};

struct MissingConfiguration {
  std::string benchmark, label;
};

struct Comparison {
  double threshold = 0;
  std::vector<ComparedConfiguration> rows;
  std::vector<MissingConfiguration> only_before, only_after;

  int64_t regressions() const;
};

// Configurations are the same where benchmark, label and parameters are.
Comparison compare(const results::File& before, const results::File& after, double threshold);

// Of both files: what makes their times hard to compare ("one clock is host, the other modelled").
std::vector<std::string> differences(const results::File& before, const results::File& after);

std::string to_text(const Comparison& comparison, const results::File& before, const results::File& after);
std::string to_json(const Comparison& comparison, const results::File& before, const results::File& after);

}  // namespace anemone::bench
