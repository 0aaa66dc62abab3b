#include "train/host_ops.h"

#include <gtest/gtest.h>

#include <cmath>
#include <functional>
#include <vector>

#include "base/parallel.h"
#include "base/random_floats.h"

namespace anemone::train {
namespace {

using Floats = std::vector<float>;

struct Shape {
  int64_t D, T;
  int64_t count() const { return D * T; }
};
constexpr Shape kShapes[] = {{1, 1}, {3, 1}, {1, 37}, {5, 7}, {48, 33}, {131, 259}};
constexpr float kEps = 1e-5f;

float* scratch(const Shape& s) {
  static Floats floats;
  floats.assign(static_cast<size_t>(2 * s.T), NAN);
  return floats.data();
}

size_t at(const Shape& s, int64_t c, int64_t t) { return static_cast<size_t>(c * s.T + t); }

double rho_of(const Floats& x, const Shape& s, int64_t t) {
  double squares = 0;
  for (int64_t c = 0; c < s.D; ++c) squares += std::pow(static_cast<double>(x[at(s, c, t)]), 2);
  return 1 / std::sqrt(squares / static_cast<double>(s.D) + kEps);
}

TEST(RmsNorm, EqualsTheFormulaInDouble) {
  for (const Shape& s : kShapes) {
    const Floats x = random_floats(s.count(), 1, 2), w = random_floats(s.D, 2);
    Floats y(x.size());
    rmsnorm(x.data(), w.data(), s.D, s.T, kEps, y.data());
    for (int64_t t = 0; t < s.T; ++t) {
      const double rho = rho_of(x, s, t);
      for (int64_t c = 0; c < s.D; ++c) {
        ASSERT_NEAR(y[at(s, c, t)], x[at(s, c, t)] * rho * w[static_cast<size_t>(c)], 2e-6);
      }
    }
  }
}

TEST(RmsNorm, ZeroColumnsAndInPlaceAreFine) {
  Floats x = {0, 3, 0, 4};  // columns (0, 0) and (3, 4)
  const Floats w = {1, 2};
  rmsnorm(x.data(), w.data(), 2, 2, 0.0f + 1e-12f, x.data());
  EXPECT_EQ(x[0], 0);
  EXPECT_NEAR(x[1], 3 / std::sqrt(12.5), 1e-6);
  EXPECT_NEAR(x[3], 2 * 4 / std::sqrt(12.5), 1e-6);
}

// Σ u·f(x) in double: a scalar whose gradient is f's backward applied to u.
double rmsnorm_loss(const Floats& x, const Floats& w, const Floats& u, const Shape& s) {
  double loss = 0;
  for (int64_t t = 0; t < s.T; ++t) {
    const double rho = rho_of(x, s, t);
    for (int64_t c = 0; c < s.D; ++c) {
      loss += u[at(s, c, t)] * rho * w[static_cast<size_t>(c)] * x[at(s, c, t)];
    }
  }
  return loss;
}

// d loss / d value by central differences, over the steps that fp32 really took.
double slope(float& value, const std::function<double()>& loss) {
  const float kept = value, above = kept + 0x1p-9f, below = kept - 0x1p-9f;
  value = above;
  const double up = loss();
  value = below;
  const double down = loss();
  value = kept;
  return (up - down) / (above - below);
}

TEST(RmsNormBackward, EqualsFiniteDifferencesWithWeightsFarFromOne) {
  for (const Shape& s : {Shape{1, 3}, Shape{5, 7}, Shape{12, 19}}) {
    Floats x = random_floats(s.count(), 1, 2), w = random_floats(s.D, 2, 3);
    const Floats u = random_floats(s.count(), 3);
    Floats dx(x.size()), dw(w.size());
    rmsnorm_backward(x.data(), w.data(), u.data(), s.D, s.T, kEps, Into::assign, dx.data(), dw.data(), scratch(s));
    const auto loss = [&] { return rmsnorm_loss(x, w, u, s); };
    if (s.D > 1) {  // a lone channel is normed to ±1, where differences see only eps
      for (size_t i = 0; i < x.size(); ++i) EXPECT_NEAR(dx[i], slope(x[i], loss), 1e-3) << i;
    }
    for (size_t i = 0; i < w.size(); ++i) EXPECT_NEAR(dw[i], slope(w[i], loss), 1e-4) << i;
  }
}

TEST(RmsNormBackward, AddsWhereAskedAndAlwaysToTheWeightsGradient) {
  for (const Shape& s : kShapes) {
    const Floats x = random_floats(s.count(), 1, 2), w = random_floats(s.D, 2), dy = random_floats(s.count(), 3);
    const Floats before = random_floats(s.count(), 4);
    Floats assigned = dy, added = before, dw(w.size()), twice(w.size());
    rmsnorm_backward(x.data(), w.data(), assigned.data(), s.D, s.T, kEps, Into::assign, assigned.data(), dw.data(),
                     scratch(s));
    for (int i = 0; i < 2; ++i) {
      rmsnorm_backward(x.data(), w.data(), dy.data(), s.D, s.T, kEps, Into::add, added.data(), twice.data(),
                       scratch(s));
    }
    for (size_t i = 0; i < x.size(); ++i) ASSERT_NEAR(added[i], before[i] + 2 * assigned[i], 1e-5);
    for (size_t i = 0; i < w.size(); ++i) ASSERT_NEAR(twice[i], 2 * dw[i], 1e-5);
  }
}

TEST(RmsNormBackward, IsTheSameForAnyThreads) {
  const Shape s = {300, 259};
  const Floats x = random_floats(s.count(), 1, 2), w = random_floats(s.D, 2), dy = random_floats(s.count(), 3);
  const auto run = [&](int count) {
    const int threads = thread_count();
    set_thread_count(count);
    Floats result(static_cast<size_t>(s.count() + s.D));
    rmsnorm_backward(x.data(), w.data(), dy.data(), s.D, s.T, kEps, Into::add, result.data(), result.data() + s.count(),
                     scratch(s));
    set_thread_count(threads);
    return result;
  };
  EXPECT_EQ(run(1), run(3));
}

double sigmoid(double x) { return 1 / (1 + std::exp(-x)); }

TEST(SiluGate, EqualsTheFormulaInDouble) {
  for (const int64_t count : {1, 7, 33, 40001}) {
    const Floats h1 = random_floats(count, 1, 20), h3 = random_floats(count, 2);
    Floats g(h1.size());
    silu_gate(h1.data(), h3.data(), count, g.data());
    for (size_t i = 0; i < g.size(); ++i) ASSERT_NEAR(g[i], h1[i] * sigmoid(h1[i]) * h3[i], 3e-6);
  }
}

TEST(SiluGate, HoldsAtTheEndsOfTheRange) {
  const Floats h1 = {-1e30f, -1000, -89, 89, 1000, 1e30f, NAN}, one(7, 1);
  Floats g(7), dh1(7), dh3(7);
  silu_gate(h1.data(), one.data(), 7, g.data());
  silu_gate_backward(h1.data(), one.data(), one.data(), 7, dh1.data(), dh3.data());
  for (size_t i = 1; i < 5; ++i) {
    const bool on = h1[i] > 0;
    EXPECT_NEAR(g[i], on ? h1[i] : 0, 1e-30);
    EXPECT_NEAR(dh1[i], on ? 1 : 0, 1e-30);
    EXPECT_NEAR(dh3[i], on ? h1[i] : 0, 1e-30);
  }
  EXPECT_TRUE(std::isfinite(g[0]) && std::isfinite(g[5]));
  EXPECT_TRUE(std::isnan(g[6]) && std::isnan(dh1[6]) && std::isnan(dh3[6]));
}

TEST(SiluGateBackward, EqualsFiniteDifferencesEvenInPlace) {
  constexpr int64_t kCount = 37;
  Floats h1 = random_floats(kCount, 1, 6), h3 = random_floats(kCount, 2);
  const Floats u = random_floats(kCount, 3);
  Floats dh1 = h1, dh3 = h3;
  silu_gate_backward(dh1.data(), dh3.data(), u.data(), kCount, dh1.data(), dh3.data());
  const auto loss_at = [&](size_t i) { return static_cast<double>(u[i]) * h1[i] * sigmoid(h1[i]) * h3[i]; };
  for (size_t i = 0; i < kCount; ++i) {
    const auto loss = [&] { return loss_at(i); };
    EXPECT_NEAR(dh1[i], slope(h1[i], loss), 1e-5) << i;
    EXPECT_NEAR(dh3[i], slope(h3[i], loss), 1e-5) << i;
  }
}

TEST(Residual, AddsAScaledBranch) {
  for (const int64_t count : {1, 33, 40001}) {
    const Floats x = random_floats(count, 1), o = random_floats(count, 2);
    Floats y = x, half(x.size());
    add_scaled(y.data(), 0.25f, o.data(), count, y.data());
    scale(x.data(), 0.5f, count, half.data());
    for (size_t i = 0; i < y.size(); ++i) {
      ASSERT_NEAR(y[i], x[i] + 0.25 * o[i], 1e-7);
      ASSERT_EQ(half[i], 0.5f * x[i]);
    }
  }
}

TEST(Clear, LeavesNothing) {
  Floats values = random_floats(40001, 1);
  values[17] = NAN;
  clear(values);
  EXPECT_EQ(values, Floats(40001));
}

TEST(Embedding, LooksUpColumnsAndAddsThemBack) {
  for (const int64_t D : {1, 5, 48, 301}) {
    const std::vector<int32_t> tokens = {4, 0, 4, 9, 1, 4, 8};
    const Shape s = {D, std::ssize(tokens)};
    const Floats E = random_floats(10 * D, 1);
    Floats x(static_cast<size_t>(s.count())), dE(E.size());
    embed(tokens, E.data(), D, x.data());
    embed_backward(tokens, x.data(), D, dE.data());
    const std::vector<float> times = {1, 1, 0, 0, 3, 0, 0, 0, 1, 1};
    for (int64_t c = 0; c < D; ++c) {
      for (int64_t t = 0; t < s.T; ++t) {
        ASSERT_EQ(x[at(s, c, t)], E[static_cast<size_t>(tokens[static_cast<size_t>(t)] * D + c)]);
      }
      for (int64_t v = 0; v < 10; ++v) {
        const auto i = static_cast<size_t>(v * D + c);
        ASSERT_FLOAT_EQ(dE[i], times[static_cast<size_t>(v)] * E[i]);
      }
    }
  }
}

}  // namespace
}  // namespace anemone::train
