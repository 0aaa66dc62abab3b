#include "train/cross_entropy.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <vector>

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

// The loss and its gradient, from blocks of `rows` rows by turns in two parts.
struct Answer {
  double loss;
  std::vector<float> dlogits;
};
Answer answer_to(const std::vector<float>& logits, const Case& c, float scale, int64_t rows) {
  const std::vector<int32_t> targets = targets_for(c);
  Answer answer{0, std::vector<float>(logits.size())};
  CrossEntropy entropy(c.T, 2);
  const auto each_block = [&](const auto& body) {
    for (int64_t row = 0; row < c.V; row += rows) body(row, std::min(rows, c.V - row), row * c.T);
  };
  for (int repetition = 0; repetition < 2; ++repetition) {  // the second must not remember the first
    entropy.begin(targets);
    each_block(
        [&](int64_t row, int64_t count, int64_t at) { entropy.fold(row / rows % 2, logits.data() + at, row, count); });
    answer.loss = entropy.total();
  }
  each_block([&](int64_t row, int64_t count, int64_t at) {
    entropy.gradient(logits.data() + at, row, count, scale, answer.dlogits.data() + at);
  });
  return answer;
}

TEST(CrossEntropy, EqualsTheFormulaInDouble) {
  for (const Case& c : kCases) {
    const std::vector<float> logits = random_floats(c.V * c.T, 9, c.range);
    const std::vector<int32_t> targets = targets_for(c);
    for (const int64_t rows : {int64_t{1}, int64_t{37}, c.V}) {
      const Answer answer = answer_to(logits, c, 0.5f, rows);
      double expected = 0;
      for (int64_t t = 0; t < c.T; ++t) {
        const int32_t target = targets[static_cast<size_t>(t)];
        const Column column = column_of(logits, c, t, target);
        expected += column.loss;
        for (int64_t v = 0; v < c.V; ++v) {
          const double slope = 0.5 * (column.p[static_cast<size_t>(v)] - (v == target ? 1 : 0));
          ASSERT_NEAR(answer.dlogits[static_cast<size_t>(v * c.T + t)], slope, 2e-7) << v << ", " << t;
        }
      }
      EXPECT_NEAR(answer.loss, expected, 1e-6 * (1 + std::abs(expected)));
    }
  }
}

TEST(CrossEntropy, TheGradientIsTheSlopeOfTheLoss) {
  const Case c = {11, 5, 2};
  std::vector<float> logits = random_floats(c.V * c.T, 4, c.range);
  const std::vector<float> dlogits = answer_to(logits, c, 1, 4).dlogits;
  for (size_t i = 0; i < logits.size(); ++i) {
    const float kept = logits[i];
    logits[i] = kept + 0.01f;
    const double up = answer_to(logits, c, 1, 4).loss;
    logits[i] = kept - 0.01f;
    const double down = answer_to(logits, c, 1, 4).loss;
    logits[i] = kept;
    EXPECT_NEAR(dlogits[i], (up - down) / 0.02, 2e-4) << i;
  }
}

TEST(CrossEntropy, WhatIsNotFiniteShows) {
  const Case c = {70, 21, 5};
  for (const float bad : {NAN, INFINITY}) {
    for (const int64_t row : {0, 40, 69}) {
      for (const int64_t column : {0, 20}) {  // in a whole vector, and after the last
        std::vector<float> logits = random_floats(c.V * c.T, 6, c.range);
        logits[static_cast<size_t>(row * c.T + column)] = bad;
        const Answer answer = answer_to(logits, c, 1, 32);
        EXPECT_FALSE(std::isfinite(answer.loss));
        EXPECT_FALSE(std::isfinite(answer.dlogits[static_cast<size_t>(column)]));
      }
    }
  }
}

}  // namespace
}  // namespace anemone::train
