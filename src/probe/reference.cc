#include "probe/reference.h"

#include <cmath>

#include "base/parallel.h"

namespace anemone::probe {
namespace {

// 1/√(mean square + ε) of column s.
double inverse_rms(const Numbers& x, size_t C, size_t S, size_t s, double eps) {
  double squares = 0;
  for (size_t c = 0; c < C; ++c) squares += x[c * S + s] * x[c * S + s];
  return 1 / std::sqrt(squares / static_cast<double>(C) + eps);
}

}  // namespace

Numbers linear(const Numbers& W, const Numbers& x, int64_t M, int64_t K, int64_t S) {
  Numbers y(static_cast<size_t>(M * S));
  parallel_for(M, 1, [&](int64_t begin, int64_t end) {
    for (int64_t m = begin; m < end; ++m) {
      double* const row = &y[static_cast<size_t>(m * S)];
      for (int64_t k = 0; k < K; ++k) {
        const double w = W[static_cast<size_t>(m * K + k)];
        const double* const from = &x[static_cast<size_t>(k * S)];
        for (int64_t s = 0; s < S; ++s) row[s] += w * from[s];
      }
    }
  });
  return y;
}

Numbers rmsnorm(const Numbers& x, const Numbers& w, double eps) {
  const size_t C = w.size(), S = x.size() / C;
  Numbers y(x.size());
  for (size_t s = 0; s < S; ++s) {
    const double rho = inverse_rms(x, C, S, s, eps);
    for (size_t c = 0; c < C; ++c) y[c * S + s] = x[c * S + s] * rho * w[c];
  }
  return y;
}

Numbers rmsnorm_backward(const Numbers& x, const Numbers& w, const Numbers& dy, double eps) {
  const size_t C = w.size(), S = x.size() / C;
  Numbers dx(x.size());
  for (size_t s = 0; s < S; ++s) {
    const double rho = inverse_rms(x, C, S, s, eps);
    double dot = 0;
    for (size_t c = 0; c < C; ++c) dot += w[c] * dy[c * S + s] * x[c * S + s];
    const double k = rho * rho * dot / static_cast<double>(C);
    for (size_t c = 0; c < C; ++c) dx[c * S + s] = (w[c] * dy[c * S + s] - x[c * S + s] * k) * rho;
  }
  return dx;
}

}  // namespace anemone::probe
