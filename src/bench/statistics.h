// What repeated times say, and how sure it is.
//
//   Estimate time = estimate_median(milliseconds, /*seed=*/1);          // value, low, high: 95 % by bootstrap
//   Estimate ratio = estimate_ratio(milliseconds_b, milliseconds_a, 1); // of the medians
//   std::optional<TwoSegments> fit = fit_two_segments(mebibytes, milliseconds);
//   if (fit && p_value_of_break(mebibytes, milliseconds, 1) < 0.01) fmt::print("broken at {}\n", fit->at);
//
// Bootstrap: the percentiles of a statistic over samples drawn with replacement (Efron 1979). Random draws are seeded,
// so the same data give the same numbers.
#pragma once

#include <cstdint>
#include <optional>
#include <span>

namespace anemone::bench {

double median(std::span<const double> values);  // of at least one

struct Estimate {
  double value = 0, low = 0, high = 0;  // low to high: 95 %
};

// Of at least one value each; one value gives an interval without width.
Estimate estimate_median(std::span<const double> values, uint64_t seed);
Estimate estimate_ratio(std::span<const double> numerators, std::span<const double> denominators, uint64_t seed);

struct Line {
  double intercept = 0, slope = 0;
  double at(double x) const { return intercept + slope * x; }
};

// Two lines that meet at `at`.
struct TwoSegments {
  double at = 0;
  std::optional<double> standard_error{};  // of `at`, from the residuals; none where they do not tell
  Line below, above;
  double residual(double x, double y) const { return (y - (x < at ? below : above).at(x)) / y; }
};

inline constexpr int64_t kLeastPoints = 6;  // for two lines, a point to spare

// The least squares of relative residuals, (y − fit)/y, over both lines and where they meet (y > 0, x ascending). The
// standard error is that of the linearised fit (Muggeo 2003). Nothing where there are fewer than kLeastPoints.
std::optional<TwoSegments> fit_two_segments(std::span<const double> x, std::span<const double> y);

// How often one line, its residuals drawn anew, looks as broken as these data do: 1 where they are one line exactly. Of
// at least kLeastPoints.
double p_value_of_break(std::span<const double> x, std::span<const double> y, uint64_t seed);

}  // namespace anemone::bench
