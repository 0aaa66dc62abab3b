// Training's vector kernels on each instruction set, at awkward sizes and places, against their formulas in double.
#include <gtest/gtest.h>

#include <cmath>

#include "base/random_floats.h"
#include "base/targets_testing.h"
#include "train/adamw.h"
#include "train/cross_entropy.h"
#include "train/host_ops.h"

namespace anemone::train {
namespace {

using OptimizerKernels = OnEachTarget;
using LossKernels = OnEachTarget;
using HostKernels = OnEachTarget;
INSTANTIATE_ON_EACH_TARGET(OptimizerKernels);
INSTANTIATE_ON_EACH_TARGET(LossKernels);
INSTANTIATE_ON_EACH_TARGET(HostKernels);

constexpr double kTolerance = 4e-6;

std::vector<float> values(size_t count, uint64_t seed, float scale = 1) {
  return random_floats(static_cast<int64_t>(count), seed, scale);
}

TEST_P(OptimizerKernels, AdamW) {
  const AdamWCoefficients k{
      .beta1 = 0.9f, .beta2 = 0.95f, .epsilon = 1e-8f, .scale = 0.5f, .step = 0.01f, .variance = 3, .decay = 0.001f};
  for_each_place([&](size_t count, size_t offset) {
    const std::vector<float> w0 = values(count, 1), g0 = values(count, 2), m0 = values(count, 3);
    std::vector<float> v0 = values(count, 4);
    for (float& v : v0) v *= v;
    Guarded<float> w(w0, offset), gradient(g0, offset + 1), m(m0, offset), v(v0, offset + 2);
    adamw(k, {w.data(), gradient.data(), m.data(), v.data()}, static_cast<int64_t>(count));
    for (Guarded<float>* block : {&w, &gradient, &m, &v}) block->expect_intact();
    for (size_t i = 0; i < count; ++i) {
      const double g = double{k.scale} * g0[i];
      const double moment = k.beta1 * double{m0[i]} + (1 - double{k.beta1}) * g;
      const double variance = k.beta2 * double{v0[i]} + (1 - double{k.beta2}) * g * g;
      const double move = k.step * moment / (std::sqrt(variance * k.variance) + k.epsilon);
      expect_close(m[i], moment, kTolerance);
      expect_close(v[i], variance, kTolerance);
      expect_close(w[i], w0[i] - move - k.decay * double{w0[i]}, kTolerance);
      EXPECT_EQ(gradient[i], g0[i]);
    }
  });
}

TEST_P(OptimizerKernels, SumOfSquares) {
  for_each_place([](size_t count, size_t offset) {
    const std::vector<float> x = values(count, 5, 1e3f);
    Guarded<float> from(x, offset);
    double want = 0;
    for (float value : x) want += double{value} * value;
    expect_close(sum_of_squares(from.data(), static_cast<int64_t>(count)), want, 1e-12);
  });
}

struct Logits {
  int64_t V, T;
};
constexpr Logits kLogits[] = {{1, 1}, {2, 3}, {17, 1}, {5, 16}, {33, 15}, {64, 17}, {257, 33}, {1021, 7}, {97, 131}};

std::vector<int32_t> targets_of(const Logits& s) {
  std::vector<int32_t> targets;
  for (int64_t t = 0; t < s.T; ++t) targets.push_back(static_cast<int32_t>(t * 7 % s.V));
  return targets;
}

// softmax over v of column t, by its definition.
std::vector<double> probabilities(const std::vector<float>& logits, const Logits& s, int64_t t) {
  std::vector<double> p;
  double largest = -INFINITY, total = 0;
  for (int64_t v = 0; v < s.V; ++v) largest = std::max<double>(largest, logits[static_cast<size_t>(v * s.T + t)]);
  for (int64_t v = 0; v < s.V; ++v) p.push_back(std::exp(logits[static_cast<size_t>(v * s.T + t)] - largest));
  for (double e : p) total += e;
  for (double& e : p) e /= total;
  return p;
}

TEST_P(LossKernels, CrossEntropy) {
  constexpr float kScale = 0.125f;
  for (const Logits& s : kLogits) {
    SCOPED_TRACE(testing::Message() << s.V << " x " << s.T);
    const std::vector<float> x = values(static_cast<size_t>(s.V * s.T), 6, 8);
    const std::vector<int32_t> targets = targets_of(s);
    Guarded<float> logits(x, 1), gradient(x.size(), 3), in_place(x, 3);
    CrossEntropy entropy(s.T, 1);
    entropy.begin(targets);
    entropy.fold(0, logits.data(), 0, s.V);
    const double loss = entropy.total();
    entropy.gradient(logits.data(), 0, s.V, kScale, gradient.data());
    entropy.gradient(in_place.data(), 0, s.V, kScale, in_place.data());
    for (Guarded<float>* block : {&logits, &gradient, &in_place}) block->expect_intact();
    double want = 0;
    for (int64_t t = 0; t < s.T; ++t) {
      const std::vector<double> p = probabilities(x, s, t);
      const int32_t target = targets[static_cast<size_t>(t)];
      want -= std::log(p[static_cast<size_t>(target)]);
      for (int64_t v = 0; v < s.V; ++v) {
        const auto at = static_cast<size_t>(v * s.T + t);
        EXPECT_NEAR(gradient[at], kScale * (p[static_cast<size_t>(v)] - (v == target)), 1e-6) << v << ", " << t;
        EXPECT_EQ(gradient[at], in_place[at]);
      }
    }
    expect_close(loss, want, 1e-5);
  }
}

struct Matrix {
  int64_t D, T;
  size_t size() const { return static_cast<size_t>(D * T); }
};
constexpr Matrix kMatrices[] = {{1, 1}, {1, 17}, {3, 4}, {7, 15}, {16, 16}, {33, 31}, {64, 65}, {5, 257}, {131, 97}};
constexpr float kEps = 1e-5f;

// ρ[t] = (Σ_c x²/D + eps)^(−½).
double rho(const std::vector<float>& x, const Matrix& s, int64_t t) {
  double sum = 0;
  for (int64_t c = 0; c < s.D; ++c) sum += std::pow(double{x[static_cast<size_t>(c * s.T + t)]}, 2);
  return 1 / std::sqrt(sum / static_cast<double>(s.D) + kEps);
}

TEST_P(HostKernels, RmsNorm) {
  for (const Matrix& s : kMatrices) {
    SCOPED_TRACE(testing::Message() << s.D << " x " << s.T);
    const std::vector<float> x0 = values(s.size(), 8), w0 = values(static_cast<size_t>(s.D), 9);
    Guarded<float> x(x0, 1), w(w0, 3), y(s.size(), 1);
    rmsnorm(x.data(), w.data(), s.D, s.T, kEps, y.data());
    rmsnorm(x.data(), w.data(), s.D, s.T, kEps, x.data());
    y.expect_intact();
    x.expect_intact();
    for (size_t i = 0; i < s.size(); ++i) {
      const auto c = static_cast<int64_t>(i) / s.T, t = static_cast<int64_t>(i) % s.T;
      expect_close(y[i], x0[i] * rho(x0, s, t) * w0[static_cast<size_t>(c)], kTolerance);
      EXPECT_EQ(x[i], y[i]);
    }
  }
}

// c[t] = ρ²·Σ_c(w·dy·x)/D.
double projection(const std::vector<float>& x, const std::vector<float>& w, const std::vector<float>& dy,
                  const Matrix& s, int64_t t) {
  double sum = 0;
  for (int64_t c = 0; c < s.D; ++c) {
    const auto at = static_cast<size_t>(c * s.T + t);
    sum += double{w[static_cast<size_t>(c)]} * dy[at] * x[at];
  }
  return sum * std::pow(rho(x, s, t), 2) / static_cast<double>(s.D);
}

void expect_norm_backward(const Matrix& s, Into into) {
  const std::vector<float> x0 = values(s.size(), 8), w0 = values(static_cast<size_t>(s.D), 9);
  const std::vector<float> dy0 = values(s.size(), 10), dx0 = values(s.size(), 11), dw0 = values(w0.size(), 12);
  Guarded<float> x(x0, 1), w(w0, 3), dy(dy0, 3), dx(dx0, 1), dw(dw0, 3), weights_alone(dw0, 1);
  Guarded<float> scratch(2 * static_cast<size_t>(s.T), 1);
  rmsnorm_backward(x.data(), w.data(), dy.data(), s.D, s.T, kEps, into, dx.data(), dw.data(), scratch.data());
  rmsnorm_weight_gradient(x.data(), dy.data(), s.D, s.T, kEps, weights_alone.data(), scratch.data());
  for (Guarded<float>* block : {&x, &w, &dy, &dx, &dw, &weights_alone, &scratch}) block->expect_intact();
  std::vector<double> dw_want(dw0.begin(), dw0.end());
  for (size_t i = 0; i < s.size(); ++i) {
    const auto c = static_cast<size_t>(static_cast<int64_t>(i) / s.T);
    const int64_t t = static_cast<int64_t>(i) % s.T;
    const double r = rho(x0, s, t), before = into == Into::add ? dx0[i] : 0;
    expect_close(dx[i], before + r * (double{w0[c]} * dy0[i] - x0[i] * projection(x0, w0, dy0, s, t)), kTolerance);
    dw_want[c] += double{dy0[i]} * x0[i] * r;
  }
  for (size_t c = 0; c < dw_want.size(); ++c) {
    expect_close(dw[c], dw_want[c], 1e-5);
    expect_close(weights_alone[c], dw_want[c], 1e-5);
  }
}

TEST_P(HostKernels, RmsNormBackward) {
  for (const Matrix& s : kMatrices) {
    SCOPED_TRACE(testing::Message() << s.D << " x " << s.T);
    expect_norm_backward(s, Into::assign);
    expect_norm_backward(s, Into::add);
  }
}

double sigmoid(double x) { return 1 / (1 + std::exp(-x)); }

TEST_P(HostKernels, SiluGate) {
  for_each_place([](size_t count, size_t offset) {
    const std::vector<float> h1 = values(count, 13, 9), h3 = values(count, 14, 2), dg0 = values(count, 15);
    const auto n = static_cast<int64_t>(count);
    Guarded<float> a(h1, offset), b(h3, offset + 1), dg(dg0, offset), g(count, offset), da(count, offset), db(h3, 1);
    silu_gate(a.data(), b.data(), n, g.data());
    silu_gate_backward(a.data(), db.data(), dg.data(), n, da.data(), db.data());  // over an input
    for (Guarded<float>* block : {&a, &b, &dg, &g, &da, &db}) block->expect_intact();
    for (size_t i = 0; i < count; ++i) {
      const double s = sigmoid(h1[i]);
      expect_close(g[i], h1[i] * s * h3[i], kTolerance);
      expect_close(da[i], dg0[i] * double{h3[i]} * s * (1 + h1[i] * (1 - s)), kTolerance);
      expect_close(db[i], dg0[i] * double{h1[i]} * s, kTolerance);
    }
  });
}

TEST_P(HostKernels, AddAndScale) {
  for_each_place([](size_t count, size_t offset) {
    const std::vector<float> x0 = values(count, 16), o0 = values(count, 17);
    const auto n = static_cast<int64_t>(count);
    Guarded<float> x(x0, offset), o(o0, offset + 1), sum(count, offset);
    add_scaled(x.data(), 0.3f, o.data(), n, sum.data());
    scale(x.data(), 0.7f, n, x.data());
    for (Guarded<float>* block : {&x, &o, &sum}) block->expect_intact();
    for (size_t i = 0; i < count; ++i) {
      expect_close(sum[i], x0[i] + double{0.3f} * o0[i], 1e-7);
      EXPECT_EQ(x[i], 0.7f * x0[i]);
    }
  });
}

TEST_P(HostKernels, Embed) {
  constexpr int64_t kVocab = 11;
  for (const Matrix& s : kMatrices) {
    SCOPED_TRACE(testing::Message() << s.D << " x " << s.T);
    const std::vector<float> table = values(static_cast<size_t>(kVocab * s.D), 18), dx = values(s.size(), 19);
    std::vector<int32_t> tokens;
    for (int64_t t = 0; t < s.T; ++t) tokens.push_back(static_cast<int32_t>(t * 5 % kVocab));  // some come twice
    Guarded<float> E(table, 1), x(s.size(), 3), gradient(dx, 1), dE(table, 3);
    embed(tokens, E.data(), s.D, x.data());
    embed_backward(tokens, gradient.data(), s.D, dE.data());
    for (Guarded<float>* block : {&E, &x, &gradient, &dE}) block->expect_intact();
    std::vector<double> want(table.begin(), table.end());
    for (size_t i = 0; i < s.size(); ++i) {
      const auto c = static_cast<int64_t>(i) / s.T, t = static_cast<int64_t>(i) % s.T;
      const auto at = static_cast<size_t>(tokens[static_cast<size_t>(t)] * s.D + c);
      EXPECT_EQ(x[i], table[at]);
      want[at] += dx[i];
    }
    for (size_t i = 0; i < want.size(); ++i) expect_close(dE[i], want[i], 1e-5);
  }
}

}  // namespace
}  // namespace anemone::train
