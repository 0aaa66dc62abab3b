// Where time starts to grow faster with the size of the weights, and how sure that is.
//
//   std::optional<Cliff> cliff = find_cliff(points);
//   if (cliff && cliff->found) fmt::print("at {} ± {} MiB\n", cliff->fit.at, *cliff->fit.standard_error);
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "bench/statistics.h"

namespace anemone::bench {

inline constexpr double kSureOfBreak = 0.01;  // p-values below it count as found

struct CliffPoint {
  std::string label;
  double mebibytes, milliseconds;
  int64_t pixels;
};

struct Cliff {
  TwoSegments fit;  // milliseconds over MiB
  double p_value = 1;
  bool found = false;
  int64_t points = 0;  // that were fitted
  // Those that were not: of another number of pixels than the first, or so far off that without them the squared
  // residuals shrink to a tenth.
  std::vector<std::string> left_out;
};

// Nothing where there are too few points; they are in the order of their size.
std::optional<Cliff> find_cliff(std::vector<CliffPoint> points);

}  // namespace anemone::bench
