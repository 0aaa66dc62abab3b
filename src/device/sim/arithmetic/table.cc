#include "device/sim/arithmetic/table.h"

namespace anemone::sim {
namespace {

// The entries t that solve A·t = b for a matrix A with one diagonal on each side of its main one, symmetric.
struct Tridiagonal {
  std::array<double, kLastEntry + 1> diagonal{}, beside{}, right{};  // beside[i] couples i and i + 1

  std::array<double, kLastEntry + 1> solved() {
    for (size_t i = 1; i <= kLastEntry; ++i) {
      const double factor = beside[i - 1] / diagonal[i - 1];
      diagonal[i] -= factor * beside[i - 1];
      right[i] -= factor * right[i - 1];
    }
    right[kLastEntry] /= diagonal[kLastEntry];
    for (size_t i = kLastEntry; i-- > 0;) right[i] = (right[i] - beside[i] * right[i + 1]) / diagonal[i];
    return right;
  }
};

// What Σ (line(x) − f(x))² gains by one x, at u entries from the first.
void add_sample(Tridiagonal& normal, double u, double f) {
  const auto i = size_t(std::min(std::floor(u), kLastEntry - 1.0));
  const double far = u - double(i), near = 1 - far;  // the weights of both ends
  normal.diagonal[i] += near * near;
  normal.diagonal[i + 1] += far * far;
  normal.beside[i] += near * far;
  normal.right[i] += near * f;
  normal.right[i + 1] += far * f;
}

constexpr uint16_t kSmallestNormal = 0x0400;

}  // namespace

Entries fitted_entries(double (*f)(double), double limit) {
  Tridiagonal normal;
  const uint16_t last = half_away(limit).bits;
  for (uint16_t bits = kSmallestNormal; bits <= last; ++bits) {
    for (double x : {decode({bits}), -decode({bits})}) add_sample(normal, (x + limit) * kLastEntry / (2 * limit), f(x));
  }
  const auto entries = normal.solved();
  return entries_of([&](double i) { return entries[size_t(i)]; });
}

}  // namespace anemone::sim
