#include "bench/suite/cliff.h"

#include <algorithm>

namespace anemone::bench {
namespace {

constexpr double kFarOff = 0.1;    // of the squares, what is left without a point that is far off
constexpr double kVisible = 1e-3;  // relative residuals below it leave nothing to explain

struct Series {
  std::vector<double> x, y;
};

Series series_of(const std::vector<CliffPoint>& points) {
  Series series;
  for (const CliffPoint& point : points) {
    series.x.push_back(point.mebibytes);
    series.y.push_back(point.milliseconds);
  }
  return series;
}

std::optional<TwoSegments> fit(const std::vector<CliffPoint>& points) {
  const Series series = series_of(points);
  return fit_two_segments(series.x, series.y);
}

double squares(const TwoSegments& fit, const std::vector<CliffPoint>& points) {
  double sum = 0;
  for (const CliffPoint& point : points) {
    const double residual = fit.residual(point.mebibytes, point.milliseconds);
    sum += residual * residual;
  }
  return sum;
}

std::vector<CliffPoint> without(std::vector<CliffPoint> points, size_t i) {
  points.erase(points.begin() + static_cast<std::ptrdiff_t>(i));
  return points;
}

// The point without which the rest fits by far better, where there is one.
std::optional<size_t> far_off(const std::vector<CliffPoint>& points) {
  const auto whole = fit(points);
  if (!whole) return std::nullopt;
  double least = std::max(kFarOff * squares(*whole, points), kVisible * kVisible);
  std::optional<size_t> found;
  for (size_t i = 0; i < points.size(); ++i) {
    const std::vector<CliffPoint> rest = without(points, i);
    const auto refit = fit(rest);
    if (!refit || squares(*refit, rest) >= least) continue;
    least = squares(*refit, rest);
    found = i;
  }
  return squares(*whole, points) > kVisible * kVisible ? found : std::nullopt;
}

}  // namespace

std::optional<Cliff> find_cliff(std::vector<CliffPoint> points) {
  Cliff cliff;
  const auto leave_out = [&](size_t i) {
    cliff.left_out.push_back(points[i].label);
    points = without(std::move(points), i);
  };
  for (size_t i = points.size(); i-- > 1;) {
    if (points[i].pixels != points[0].pixels) leave_out(i);
  }
  if (const auto i = far_off(points)) leave_out(*i);
  const auto fitted = fit(points);
  if (!fitted) return std::nullopt;
  const Series series = series_of(points);
  cliff.fit = *fitted;
  cliff.p_value = p_value_of_break(series.x, series.y, /*seed=*/1);
  cliff.points = std::ssize(points);
  cliff.found = cliff.p_value < kSureOfBreak && fitted->above.slope > fitted->below.slope;
  return cliff;
}

}  // namespace anemone::bench
