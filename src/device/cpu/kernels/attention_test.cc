#include "device/cpu/kernels/attention.h"

#include <gtest/gtest.h>

#include <cmath>

#include "base/random.h"
#include "base/targets_testing.h"

namespace anemone::cpu {
namespace {

using AttentionKernels = OnEachTarget;
INSTANTIATE_ON_EACH_TARGET(AttentionKernels);

// Heads in a layout of their own: sequence contiguous, or depth.
struct Tensor {
  std::array<int64_t, 4> strides;
  std::vector<float> data;

  Tensor(const AttentionShape& s, int64_t length, bool sequence_last, uint64_t seed) {
    const int64_t row = sequence_last ? 1 : s.depth + 1, column = sequence_last ? length + 3 : 1;
    const int64_t head = sequence_last ? s.depth * column : length * row;
    strides = {s.heads * head, head, row, column};
    data.resize(size_t(s.batch * s.heads * head));
    Random random(seed);
    for (float& value : data) value = BFloat16::from(float(random.normal())).value();
  }
  double at(int64_t n, int64_t h, int64_t r, int64_t c) const {
    return double(data[size_t(n * strides[0] + h * strides[1] + r * strides[2] + c * strides[3])]);
  }
  operator ConstHeads() const { return {data.data(), strides}; }
  operator Heads() { return {data.data(), strides}; }
};

struct Problem {
  AttentionShape shape;
  Tensor q, k, v, d_o, o, dq, dk, dv;

  explicit Problem(const AttentionShape& s, bool sequence_last)
      : shape(s),
        q(s, s.queries, sequence_last, 1),
        k(s, s.keys, !sequence_last, 2),
        v(s, s.keys, sequence_last, 3),
        d_o(s, s.queries, sequence_last, 4),
        o(s, s.queries, sequence_last, 5),
        dq(s, s.queries, !sequence_last, 6),
        dk(s, s.keys, sequence_last, 7),
        dv(s, s.keys, sequence_last, 8) {}

  bool sees(int64_t query, int64_t key) const { return !shape.causal || key <= query; }
  double scaled_score(int64_t n, int64_t h, int64_t i, int64_t j) const {
    double sum = 0;
    for (int64_t c = 0; c < shape.depth; ++c) sum += q.at(n, h, i, c) * k.at(n, h, j, c);
    return sum * double(shape.scale);
  }
  // P of a query, by the definition.
  std::vector<double> probabilities(int64_t n, int64_t h, int64_t i) const {
    std::vector<double> p(size_t(shape.keys));
    double total = 0;
    for (int64_t j = 0; j < shape.keys; ++j)
      total += p[size_t(j)] = sees(i, j) ? std::exp(scaled_score(n, h, i, j)) : 0;
    for (double& value : p) value /= total;
    return p;
  }
  // Σ_j dP·P, with dP = do·v.
  std::vector<double> d_probabilities(int64_t n, int64_t h, int64_t i) const {
    std::vector<double> dp(size_t(shape.keys));
    for (int64_t j = 0; j < shape.keys; ++j) {
      for (int64_t c = 0; c < shape.depth; ++c) dp[size_t(j)] += d_o.at(n, h, i, c) * v.at(n, h, j, c);
    }
    return dp;
  }
};

void expect_near(const Tensor& actual, int64_t n, int64_t h, int64_t r, int64_t c, double expected, double tolerance) {
  ASSERT_NEAR(actual.at(n, h, r, c), expected, tolerance * (1 + std::abs(expected))) << r << "," << c;
}

void check_forward(const AttentionShape& shape, bool sequence_last, double tolerance) {
  Problem p(shape, sequence_last);
  const Attention attention(shape);
  std::vector<float> scratch(size_t(attention.scratch_floats()) + 16);
  attention.forward(p.q, p.k, p.v, p.o, scratch.data());
  for (int64_t n = 0; n < shape.batch; ++n) {
    for (int64_t h = 0; h < shape.heads; ++h) {
      for (int64_t i = 0; i < shape.queries; ++i) {
        const std::vector<double> weights = p.probabilities(n, h, i);
        for (int64_t c = 0; c < shape.depth; ++c) {
          double expected = 0;
          for (int64_t j = 0; j < shape.keys; ++j) expected += weights[size_t(j)] * p.v.at(n, h, j, c);
          expect_near(p.o, n, h, i, c, expected, tolerance);
        }
      }
    }
  }
}

void check_backward(AttentionShape shape, bool sequence_last, double tolerance) {
  shape.backward = true;
  Problem p(shape, sequence_last);
  const Attention attention(shape);
  std::vector<float> scratch(size_t(attention.scratch_floats()));
  attention.backward(p.q, p.k, p.v, p.d_o, {p.dq, p.dk, p.dv}, scratch.data());
  for (int64_t n = 0; n < shape.batch; ++n) {
    for (int64_t h = 0; h < shape.heads; ++h) {
      const auto matrix = [&](int64_t rows) { return std::vector<double>(size_t(rows * shape.depth)); };
      std::vector<double> dq = matrix(shape.queries), dk = matrix(shape.keys), dv = matrix(shape.keys);
      for (int64_t i = 0; i < shape.queries; ++i) {
        const std::vector<double> weights = p.probabilities(n, h, i), dp = p.d_probabilities(n, h, i);
        double mean = 0;
        for (size_t j = 0; j < dp.size(); ++j) mean += weights[j] * dp[j];
        for (int64_t j = 0; j < shape.keys; ++j) {
          const double ds = double(shape.scale) * weights[size_t(j)] * (dp[size_t(j)] - mean);
          for (int64_t c = 0; c < shape.depth; ++c) {
            dq[size_t(i * shape.depth + c)] += ds * p.k.at(n, h, j, c);
            dk[size_t(j * shape.depth + c)] += ds * p.q.at(n, h, i, c);
            dv[size_t(j * shape.depth + c)] += weights[size_t(j)] * p.d_o.at(n, h, i, c);
          }
        }
      }
      for (int64_t c = 0; c < shape.depth; ++c) {
        for (int64_t i = 0; i < shape.queries; ++i) {
          expect_near(p.dq, n, h, i, c, dq[size_t(i * shape.depth + c)], tolerance);
        }
        for (int64_t j = 0; j < shape.keys; ++j) {
          expect_near(p.dk, n, h, j, c, dk[size_t(j * shape.depth + c)], tolerance);
          expect_near(p.dv, n, h, j, c, dv[size_t(j * shape.depth + c)], tolerance);
        }
      }
    }
  }
}

std::vector<AttentionShape> shapes() {
  std::vector<AttentionShape> all;
  for (const bool causal : {true, false}) {
    for (const auto& [batch, heads, queries, depth] :
         {std::tuple{1, 3, 7, 5}, {2, 2, 130, 16}, {1, 1, 1, 8}, {1, 2, 300, 64}}) {
      all.push_back({.batch = batch,
                     .heads = heads,
                     .queries = queries,
                     .keys = causal ? queries : queries + 5,
                     .depth = depth,
                     .scale = 1 / std::sqrt(float(depth)),
                     .causal = causal});
    }
  }
  return all;
}

TEST_P(AttentionKernels, EqualsItsDefinition) {
  for (AttentionShape shape : shapes()) {
    SCOPED_TRACE(testing::Message() << shape.queries << (shape.causal ? " causal" : ""));
    for (const bool sequence_last : {true, false}) {
      if (multiplies_bfloat16()) {
        shape.factors = Factor::bf16;
        check_forward(shape, sequence_last, 0.01);
        check_backward(shape, sequence_last, 0.03);
      }
      shape.factors = Factor::fp32;
      check_forward(shape, sequence_last, 1e-5);
      check_backward(shape, sequence_last, 2e-5);
      shape.rounding = Rounding::half;
      check_forward(shape, sequence_last, 0.005);
      check_backward(shape, sequence_last, 0.02);
      shape.rounding = Rounding::none;
    }
  }
}

}  // namespace
}  // namespace anemone::cpu
