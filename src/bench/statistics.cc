#include "bench/statistics.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <utility>
#include <vector>

#include "base/check.h"
#include "base/random.h"

namespace anemone::bench {
namespace {

constexpr int kResamples = 2000;
constexpr int kRefits = 399;

double median_of(std::vector<double>& values) {  // reorders them
  const auto middle = values.begin() + std::ssize(values) / 2;
  std::ranges::nth_element(values, middle);
  if (values.size() % 2 == 1) return *middle;
  return (*std::max_element(values.begin(), middle) + *middle) / 2;
}

double resampled_median(std::span<const double> values, Random& random, std::vector<double>& scratch) {
  scratch.resize(values.size());
  for (double& value : scratch) value = values[random.below(values.size())];
  return median_of(scratch);
}

// The statistic's 2.5th to 97.5th percentile over its resamples.
template <class Statistic>
Estimate bootstrap(double value, const Statistic& resample) {
  std::vector<double> statistics(kResamples);
  for (double& statistic : statistics) statistic = resample();
  std::ranges::sort(statistics);
  const auto percentile = [&](double p) { return statistics[static_cast<size_t>(std::lround(p * (kResamples - 1)))]; };
  return {value, percentile(0.025), percentile(0.975)};
}

// ---- least squares

template <size_t N>
using Vector = std::array<double, N>;
template <size_t N>
using Matrix = std::array<Vector<N>, N>;

// The solution of a·x = b by elimination with pivots; none where a is singular.
template <size_t N>
std::optional<Vector<N>> solve(Matrix<N> a, Vector<N> b) {
  for (size_t i = 0; i < N; ++i) {
    size_t pivot = i;
    for (size_t r = i + 1; r < N; ++r) {
      if (std::abs(a[r][i]) > std::abs(a[pivot][i])) pivot = r;
    }
    std::swap(a[i], a[pivot]);
    std::swap(b[i], b[pivot]);
    if (std::abs(a[i][i]) < std::numeric_limits<double>::min()) return std::nullopt;
    for (size_t r = i + 1; r < N; ++r) {
      const double factor = a[r][i] / a[i][i];
      for (size_t c = i; c < N; ++c) a[r][c] -= factor * a[i][c];
      b[r] -= factor * b[i];
    }
  }
  for (size_t i = N; i-- > 0;) {
    for (size_t c = i + 1; c < N; ++c) b[i] -= a[i][c] * b[c];
    b[i] /= a[i][i];
  }
  return b;
}

struct Data {
  std::span<const double> x, y;
  size_t size() const { return x.size(); }
};

// Σ over points of the outer product of `row(x)`, divided by y for relative residuals.
template <size_t N, class Row>
Matrix<N> normal_matrix(const Data& data, const Row& row) {
  Matrix<N> sum{};
  for (size_t i = 0; i < data.size(); ++i) {
    const Vector<N> r = row(data.x[i]);
    for (size_t a = 0; a < N; ++a) {
      for (size_t b = 0; b < N; ++b) sum[a][b] += r[a] * r[b] / (data.y[i] * data.y[i]);
    }
  }
  return sum;
}

template <size_t N>
struct Fit {
  Vector<N> coefficients{};
  double squares = std::numeric_limits<double>::infinity();  // the sum of squared relative residuals
};

template <size_t N, class Row>
Fit<N> least_squares(const Data& data, const Row& row) {
  Vector<N> right{};
  for (size_t i = 0; i < data.size(); ++i) {
    const Vector<N> r = row(data.x[i]);
    for (size_t a = 0; a < N; ++a) right[a] += r[a] / data.y[i];
  }
  const auto solution = solve<N>(normal_matrix<N>(data, row), right);
  if (!solution) return {};
  Fit<N> fit{*solution, 0};
  for (size_t i = 0; i < data.size(); ++i) {
    double value = 0;
    const Vector<N> r = row(data.x[i]);
    for (size_t a = 0; a < N; ++a) value += r[a] * fit.coefficients[a];
    fit.squares += (1 - value / data.y[i]) * (1 - value / data.y[i]);
  }
  return fit;
}

Fit<2> fit_line(const Data& data) {
  return least_squares<2>(data, [](double x) { return Vector<2>{1, x}; });
}

// a + b·x + c·max(x − at, 0).
struct Hinge {
  double at = 0;
  Fit<3> fit{};
};

Hinge fit_hinge(const Data& data, double at) {
  return {at, least_squares<3>(data, [at](double x) { return Vector<3>{1, x, std::max(x - at, 0.0)}; })};
}

// Two points at least on either side. Between two points the sum of squares has one minimum at most.
Hinge best_hinge(const Data& data) {
  constexpr int kSteps = 8, kHalvings = 30;
  Hinge best;
  double width = 0;
  for (size_t i = 1; i + 2 < data.size(); ++i) {
    const double step = (data.x[i + 1] - data.x[i]) / kSteps;
    for (int k = 0; k <= kSteps; ++k) {
      const Hinge hinge = fit_hinge(data, data.x[i] + k * step);
      if (hinge.fit.squares < best.fit.squares) {
        best = hinge;
        width = step;
      }
    }
  }
  const double least = data.x[1], most = data.x[data.size() - 2];
  for (int k = 0; k < kHalvings; ++k, width /= 2) {
    for (const double at : {best.at - width / 2, best.at + width / 2}) {
      const Hinge hinge = fit_hinge(data, std::clamp(at, least, most));
      if (hinge.fit.squares < best.fit.squares) best = hinge;
    }
  }
  return best;
}

// From the inverse of JᵀJ, J the derivatives by a, b, c and the place of the hinge, −c right of it.
std::optional<double> standard_error(const Data& data, const Hinge& hinge) {
  const double c = hinge.fit.coefficients[2], at = hinge.at;
  const auto row = [c, at](double x) { return Vector<4>{1, x, std::max(x - at, 0.0), x > at ? -c : 0}; };
  const auto column = solve<4>(normal_matrix<4>(data, row), {0, 0, 0, 1});
  if (!column || !((*column)[3] > 0)) return std::nullopt;
  return std::sqrt((*column)[3] * hinge.fit.squares / static_cast<double>(data.size() - 4));
}

// How many times smaller a break makes the sum of squares.
double gain_by_break(const Data& data) {
  constexpr double kExact = 1e-24;  // a relative error of 1e-12: nothing but rounding
  const double line = fit_line(data).squares;
  return line < kExact ? 1 : line / std::max(best_hinge(data).fit.squares, kExact);
}

}  // namespace

double median(std::span<const double> values) {
  CHECK(!values.empty());
  std::vector<double> copy(values.begin(), values.end());
  return median_of(copy);
}

Estimate estimate_median(std::span<const double> values, uint64_t seed) {
  Random random(seed);
  std::vector<double> scratch;
  return bootstrap(median(values), [&] { return resampled_median(values, random, scratch); });
}

Estimate estimate_ratio(std::span<const double> numerators, std::span<const double> denominators, uint64_t seed) {
  Random random(seed);
  std::vector<double> scratch;
  return bootstrap(median(numerators) / median(denominators), [&] {
    const double numerator = resampled_median(numerators, random, scratch);
    return numerator / resampled_median(denominators, random, scratch);
  });
}

std::optional<TwoSegments> fit_two_segments(std::span<const double> x, std::span<const double> y) {
  CHECK(x.size() == y.size());
  if (std::ssize(x) < kLeastPoints) return std::nullopt;
  const Hinge hinge = best_hinge({x, y});
  const auto [a, b, c] = hinge.fit.coefficients;
  return TwoSegments{.at = hinge.at,
                     .standard_error = standard_error({x, y}, hinge),
                     .below = {a, b},
                     .above = {a - c * hinge.at, b + c}};
}

double p_value_of_break(std::span<const double> x, std::span<const double> y, uint64_t seed) {
  CHECK(x.size() == y.size() && std::ssize(x) >= kLeastPoints);
  const double observed = gain_by_break({x, y});
  if (observed <= 1) return 1;
  const Vector<2> line = fit_line({x, y}).coefficients;
  const auto at = [&](size_t i) { return line[0] + line[1] * x[i]; };
  Random random(seed);
  std::vector<double> redrawn(y.size());
  int as_broken = 0;
  for (int k = 0; k < kRefits; ++k) {
    for (double& value : redrawn) {
      const size_t from = random.below(y.size()), to = static_cast<size_t>(&value - redrawn.data());
      value = at(to) * y[from] / at(from);
    }
    if (gain_by_break({x, redrawn}) >= observed) ++as_broken;
  }
  return static_cast<double>(as_broken + 1) / (kRefits + 1);
}

}  // namespace anemone::bench
