#include "train/cross_entropy.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <vector>

#include "base/parallel.h"
#include "base/random_floats.h"

namespace anemone::train {
namespace {

struct Case {
  int64_t V, T;
  float range;
};
constexpr Case kCases[] = {{1, 1, 1}, {2, 1, 50}, {7, 3, 1}, {33, 17, 10}, {100, 129, 1e4f}, {1001, 300, 10}};

std::vector<int32_t> targets_for(const Case& c) {
  std::vector<int32_t> targets(static_cast<size_t>(c.T));
  for (size_t t = 0; t < targets.size(); ++t)
    targets[t] = static_cast<int32_t>((t * 7919 + 3) % static_cast<size_t>(c.V));
  return targets;
}

// The softmax of column t in double, and −ln of its target's probability.
struct Column {
  std::vector<double> p;
  double loss;
};
Column column_of(const std::vector<float>& logits, const Case& c, int64_t t, int32_t target) {
  Column column{std::vector<double>(static_cast<size_t>(c.V)), 0};
  double max = -INFINITY, sum = 0;
  const auto logit = [&](int64_t v) { return static_cast<double>(logits[static_cast<size_t>(v * c.T + t)]); };
  for (int64_t v = 0; v < c.V; ++v) max = std::max(max, logit(v));
  for (int64_t v = 0; v < c.V; ++v) sum += std::exp(logit(v) - max);
  for (int64_t v = 0; v < c.V; ++v) column.p[static_cast<size_t>(v)] = std::exp(logit(v) - max) / sum;
  column.loss = std::log(sum) + max - logit(target);
  return column;
}

TEST(CrossEntropy, EqualsTheFormulaInDouble) {
  for (const Case& c : kCases) {
    const std::vector<float> logits = random_floats(c.V * c.T, 9, c.range);
    const std::vector<int32_t> targets = targets_for(c);
    std::vector<float> dlogits(logits.size());
    const double loss = cross_entropy_backward(logits.data(), c.V, targets, 0.5f, dlogits.data());
    double expected = 0;
    for (int64_t t = 0; t < c.T; ++t) {
      const int32_t target = targets[static_cast<size_t>(t)];
      const Column column = column_of(logits, c, t, target);
      expected += column.loss;
      for (int64_t v = 0; v < c.V; ++v) {
        const double slope = 0.5 * (column.p[static_cast<size_t>(v)] - (v == target ? 1 : 0));
        ASSERT_NEAR(dlogits[static_cast<size_t>(v * c.T + t)], slope, 2e-7) << v << ", " << t;
      }
    }
    EXPECT_NEAR(loss, expected, 1e-6 * (1 + std::abs(expected)));
    EXPECT_EQ(cross_entropy(logits.data(), c.V, targets), loss);
  }
}

TEST(CrossEntropy, TheGradientIsTheSlopeOfTheLoss) {
  const Case c = {11, 5, 2};
  std::vector<float> logits = random_floats(c.V * c.T, 4, c.range);
  const std::vector<int32_t> targets = targets_for(c);
  std::vector<float> dlogits(logits.size());
  cross_entropy_backward(logits.data(), c.V, targets, 1, dlogits.data());
  for (size_t i = 0; i < logits.size(); ++i) {
    const float kept = logits[i];
    logits[i] = kept + 0.01f;
    const double up = cross_entropy(logits.data(), c.V, targets);
    logits[i] = kept - 0.01f;
    const double down = cross_entropy(logits.data(), c.V, targets);
    logits[i] = kept;
    EXPECT_NEAR(dlogits[i], (up - down) / 0.02, 2e-4) << i;
  }
}

TEST(CrossEntropy, WorksInPlaceWithTheSameBitsForAnyThreads) {
  const Case c = {513, 131, 5};
  const std::vector<float> logits = random_floats(c.V * c.T, 6, c.range);
  std::vector<float> apart(logits.size()), in_place = logits;
  const int threads = thread_count();
  set_thread_count(1);
  const double loss = cross_entropy_backward(logits.data(), c.V, targets_for(c), 3, apart.data());
  set_thread_count(3);
  EXPECT_EQ(cross_entropy_backward(in_place.data(), c.V, targets_for(c), 3, in_place.data()), loss);
  set_thread_count(threads);
  EXPECT_EQ(in_place, apart);
}

TEST(CrossEntropy, WhatIsNotFiniteShows) {
  const Case c = {70, 21, 5};
  const std::vector<int32_t> targets = targets_for(c);
  for (const float bad : {NAN, INFINITY}) {
    for (const int64_t row : {0, 40, 69}) {
      for (const int64_t column : {0, 20}) {  // in a whole vector, and after the last
        std::vector<float> logits = random_floats(c.V * c.T, 6, c.range);
        logits[static_cast<size_t>(row * c.T + column)] = bad;
        EXPECT_FALSE(std::isfinite(cross_entropy_backward(logits.data(), c.V, targets, 1, logits.data())));
        EXPECT_FALSE(std::isfinite(logits[static_cast<size_t>(column)]));
      }
    }
  }
}

}  // namespace
}  // namespace anemone::train
