#include "probe/reference.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "base/parallel.h"

namespace anemone::probe {
namespace {

// A tile of W, so that a value of x is loaded once for several rows, and one of y for several columns.
constexpr int64_t kRows = 4, kColumns = 4;

// y += W·x for a tile of W, whose rows are K long, and x and y of S columns.
template <int64_t Rows, int64_t Columns>
void add_tile(const double* W, int64_t K, const double* x, int64_t S, double* __restrict y) {
#pragma omp simd
  for (int64_t s = 0; s < S; ++s) {
    for (int64_t row = 0; row < Rows; ++row) {
      double sum = 0;
      for (int64_t column = 0; column < Columns; ++column) sum += W[row * K + column] * x[column * S + s];
      y[row * S + s] += sum;
    }
  }
}

template <int64_t Rows>
void add_rows(const double* W, int64_t K, const double* x, int64_t S, double* y) {
  int64_t k = 0;
  for (; k + kColumns <= K; k += kColumns) add_tile<Rows, kColumns>(W + k, K, x + k * S, S, y);
  for (; k < K; ++k) add_tile<Rows, 1>(W + k, K, x + k * S, S, y);
}

// 1/√(mean square + ε) of column s.
double inverse_rms(const Numbers& x, size_t C, size_t S, size_t s, double eps) {
  double squares = 0;
  for (size_t c = 0; c < C; ++c) squares += x[c * S + s] * x[c * S + s];
  return 1 / std::sqrt(squares / static_cast<double>(C) + eps);
}

}  // namespace

Numbers linear(const Numbers& W, const Numbers& x, int64_t M, int64_t K, int64_t S) {
  Numbers y(static_cast<size_t>(M * S));
  parallel_for((M + kRows - 1) / kRows, 1, [&](int64_t begin, int64_t end) {
    int64_t m = begin * kRows;
    const auto add = [&](auto add_rows, int64_t rows) {
      add_rows(&W[size_t(m * K)], K, x.data(), S, &y[size_t(m * S)]);
      m += rows;
    };
    while (m + kRows <= std::min(end * kRows, M)) add(add_rows<kRows>, kRows);
    while (m < std::min(end * kRows, M)) add(add_rows<1>, 1);
  });
  return y;
}

Numbers transposed(const Numbers& x, int64_t rows, int64_t columns) {
  Numbers y(x.size());
  const int64_t matrix = rows * columns, count = std::ssize(x) / matrix;
  parallel_for(count * columns, 64, [&](int64_t begin, int64_t end) {
    for (int64_t line = begin; line < end; ++line) {
      const double* const column = &x[size_t(line / columns * matrix + line % columns)];
      for (int64_t r = 0; r < rows; ++r) y[size_t(line * rows + r)] = column[r * columns];
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

Numbers softmax(const Numbers& x, int64_t S) {
  const int64_t C = std::ssize(x) / S;
  Numbers largest(x.begin(), x.begin() + S), total(size_t(S), 0.0), y(x.size());
  const auto each = [&](const auto& of) {
    for (int64_t c = 0; c < C; ++c) {
      for (int64_t s = 0; s < S; ++s) of(size_t(c * S + s), size_t(s));
    }
  };
  each([&](size_t i, size_t s) { largest[s] = std::fmax(largest[s], x[i]); });
  each([&](size_t i, size_t s) { total[s] += y[i] = std::exp(x[i] - largest[s]); });
  each([&](size_t i, size_t s) { y[i] /= total[s]; });
  return y;
}

Numbers swiglu(const Numbers& h1, const Numbers& h3) {
  Numbers g(h1.size());
  for (size_t i = 0; i < g.size(); ++i) g[i] = h1[i] / (1 + std::exp(-h1[i])) * h3[i];
  return g;
}

Numbers attention_scores(const Heads& shape, const Numbers& q, const Numbers& k) {
  const auto [heads, S, h] = shape;
  Numbers scores(size_t(heads * S * S));
  for (int64_t row = 0; row < heads * S; ++row) {
    const double* const query = &q[size_t(row * h)];
    for (int64_t key = 0; key < S; ++key) {
      const double* const of = &k[size_t((row / S * S + key) * h)];
      scores[size_t(row * S + key)] = std::inner_product(query, query + h, of, 0.0);
    }
  }
  return scores;
}

Numbers attention_weights(const Heads& shape, const Numbers& scores, bool causal) {
  const auto [heads, S, h] = shape;
  Numbers p(scores.size());
  for (int64_t row = 0; row < heads * S; ++row) {
    const int64_t seen = causal ? row % S + 1 : S;
    const double* const from = &scores[size_t(row * S)];
    double* const to = &p[size_t(row * S)];
    const double largest = *std::max_element(from, from + seen);
    for (int64_t key = 0; key < seen; ++key) to[key] = std::exp((from[key] - largest) / std::sqrt(double(h)));
    const double total = std::accumulate(to, to + seen, 0.0);
    for (int64_t key = 0; key < seen; ++key) to[key] /= total;
  }
  return p;
}

Numbers causal_mask(int64_t S) {
  Numbers mask(size_t(S * S), 0.0);
  for (int64_t query = 0; query < S; ++query) {
    for (int64_t key = query + 1; key < S; ++key) mask[size_t(query * S + key)] = -65504;
  }
  return mask;
}

Numbers weighted_values(const Heads& shape, const Numbers& p, const Numbers& v) {
  const auto [heads, S, h] = shape;
  Numbers o(size_t(heads * S * h));
  for (int64_t row = 0; row < heads * S; ++row) {
    for (int64_t key = 0; key < S; ++key) {
      const double weight = p[size_t(row * S + key)];
      const double* const value = &v[size_t((row / S * S + key) * h)];
      for (int64_t i = 0; i < h; ++i) o[size_t(row * h + i)] += weight * value[i];
    }
  }
  return o;
}

Numbers attention(const Heads& shape, const Numbers& q, const Numbers& k, const Numbers& v, bool causal) {
  return weighted_values(shape, attention_weights(shape, attention_scores(shape, q, k), causal), v);
}

}  // namespace anemone::probe
