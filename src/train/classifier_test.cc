#include "train/classifier.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "base/parallel.h"
#include "base/random_floats.h"

namespace anemone::train {
namespace {

using Floats = std::vector<float>;

struct Case {
  int64_t V, D, T;
};
constexpr Case kCases[] = {{1, 1, 1}, {25, 7, 5}, {300, 12, 33}, {1100, 16, 17}};
constexpr float kScale = 0.5f;

struct Input {
  explicit Input(const Case& of)
      : c(of), table(random_floats(c.V * c.D, 1)), xn(random_floats(c.D * c.T, 2, 3)), targets(size_t(c.T)) {
    for (size_t t = 0; t < targets.size(); ++t) {
      targets[t] = static_cast<int32_t>((t * 7919 + 3) % static_cast<size_t>(c.V));
    }
  }
  ClassifierOptions options(Precision precision) const {
    return {.vocab = c.V, .dim = c.D, .tokens = c.T, .precision = precision};
  }
  Case c;
  Floats table, xn;
  std::vector<int32_t> targets;
};

struct Answer {
  double loss = 0;
  Floats d_table, dxn;
};

Answer answer_of(const Input& in, Precision precision) {
  Classifier classifier(in.options(precision));
  classifier.stage(in.table);
  Answer answer{0, Floats(in.table.size(), NAN), Floats(in.xn.size(), NAN)};
  answer.loss = classifier.loss(in.xn, in.targets);
  classifier.backward(in.xn, kScale, Into::assign, answer.d_table, answer.dxn);
  return answer;
}

// In double: logits = E·xn, p = softmax, dE = kScale·(p − onehot)·xnᵀ, dxn = Eᵀ·kScale·(p − onehot).
struct Reference {
  explicit Reference(const Input& in) : p(size_t(in.c.V * in.c.T)), d_table(in.table.size()), dxn(in.xn.size()) {
    for (int64_t t = 0; t < in.c.T; ++t) column(in, t);
  }
  void column(const Input& in, int64_t t) {
    const auto [V, D, T] = in.c;
    std::vector<double> logits(static_cast<size_t>(V));
    for (int64_t v = 0; v < V; ++v) {
      for (int64_t d = 0; d < D; ++d)
        logits[size_t(v)] += double{in.table[size_t(v * D + d)]} * in.xn[size_t(d * T + t)];
    }
    double sum = 0;
    for (const double logit : logits) sum += std::exp(logit);
    const int64_t target = in.targets[static_cast<size_t>(t)];
    loss += std::log(sum) - logits[static_cast<size_t>(target)];
    for (int64_t v = 0; v < V; ++v) {
      p[size_t(v * T + t)] = static_cast<float>(std::exp(logits[size_t(v)]) / sum);
      const double slope = kScale * (std::exp(logits[size_t(v)]) / sum - (v == target ? 1 : 0));
      for (int64_t d = 0; d < D; ++d) {
        d_table[size_t(v * D + d)] += slope * in.xn[size_t(d * T + t)];
        dxn[size_t(d * T + t)] += slope * in.table[size_t(v * D + d)];
      }
    }
  }
  double loss = 0;
  Floats p;
  std::vector<double> d_table, dxn;
};

double largest_difference(const Floats& found, const std::vector<double>& expected) {
  double largest = 0;
  for (size_t i = 0; i < found.size(); ++i) {
    const double difference = std::fabs(found[i] - expected[i]);
    if (!(difference <= largest)) largest = difference;  // a NaN too
  }
  return largest;
}

TEST(Classifier, EqualsTheFormulaInDouble) {
  for (const Case& c : kCases) {
    const Input in(c);
    const Reference expected(in);
    for (const Precision precision : {Precision::fp32, Precision::fp16, Precision::bf16}) {
      const double tolerance = precision == Precision::bf16 ? 2e-2 : 1e-5;
      const Answer answer = answer_of(in, precision);
      EXPECT_NEAR(answer.loss, expected.loss, tolerance * (1 + expected.loss));
      EXPECT_LT(largest_difference(answer.d_table, expected.d_table), tolerance);
      EXPECT_LT(largest_difference(answer.dxn, expected.dxn), tolerance);
    }
  }
}

TEST(Classifier, AddsToTheTablesGradientWhereAsked) {
  const Input in({300, 12, 33});
  for (const Precision precision : {Precision::fp32, Precision::bf16}) {
    const Answer once = answer_of(in, precision);
    Classifier classifier(in.options(precision));
    classifier.stage(in.table);
    Answer answer{0, random_floats(std::ssize(in.table), 5), Floats(in.xn.size())};
    std::vector<double> expected(once.d_table.begin(), once.d_table.end());
    for (size_t i = 0; i < expected.size(); ++i) expected[i] += answer.d_table[i];
    EXPECT_EQ(classifier.loss(in.xn, in.targets), once.loss);
    classifier.backward(in.xn, kScale, Into::add, answer.d_table, answer.dxn);
    EXPECT_LT(largest_difference(answer.d_table, expected), 1e-5);
    EXPECT_EQ(answer.dxn, once.dxn);
  }
}

// The part that another may multiply, from logits and from probabilities.
TEST(Classifier, LeavesTheGradientOfLogitsToOthers) {
  const Input in({300, 12, 33});
  const Reference reference(in);
  const std::vector<double> dxn(reference.dxn);
  std::vector<double> expected(reference.p.begin(), reference.p.end());
  for (size_t t = 0; t < in.targets.size(); ++t) expected[size_t(in.targets[t]) * in.targets.size() + t] -= 1;
  for (double& slope : expected) slope *= kScale;
  Classifier classifier(in.options(Precision::fp32));
  classifier.stage(in.table);
  Answer answer{0, Floats(in.table.size(), NAN), Floats(in.xn.size())};
  const auto left = [&] { return Floats(classifier.logits().begin(), classifier.logits().end()); };
  classifier.loss(in.xn, in.targets);
  classifier.backward(in.xn, kScale, Into::assign, {}, answer.dxn);
  EXPECT_LT(largest_difference(left(), expected), 1e-5);
  EXPECT_LT(largest_difference(answer.dxn, dxn), 1e-5);

  for (const bool multiply : {true, false}) {
    std::ranges::copy(reference.p, classifier.logits().begin());
    const std::span<float> d_table = multiply ? std::span(answer.d_table) : std::span<float>();
    classifier.backward_from_probabilities(in.xn, in.targets, kScale, Into::assign, d_table, answer.dxn);
    EXPECT_LT(largest_difference(answer.dxn, dxn), 1e-5);
  }
  EXPECT_LT(largest_difference(answer.d_table, reference.d_table), 1e-5);
  EXPECT_LT(largest_difference(left(), expected), 1e-5);
}

TEST(Classifier, TheLossAloneKeepsNoLogits) {
  for (const Case& c : kCases) {
    const Input in(c);
    ClassifierOptions options = in.options(Precision::fp32);
    options.backward = options.keeps_logits = false;
    Classifier classifier(options);
    classifier.stage(in.table);
    EXPECT_EQ(classifier.loss(in.xn, in.targets), answer_of(in, Precision::fp32).loss);
    EXPECT_TRUE(classifier.logits().empty());
  }
}

TEST(Classifier, TakesLogitsOfADevice) {
  const Input in({300, 12, 33});
  Classifier own(in.options(Precision::fp32)), other(in.options(Precision::fp32));
  own.stage(in.table);
  const double loss = own.loss(in.xn, in.targets);
  std::ranges::copy(own.logits(), other.logits().begin());
  EXPECT_EQ(other.loss(in.targets), loss);
}

TEST(Classifier, SeesTheRowsThatItIsTold) {
  Input in({300, 12, 33});
  for (const Precision precision : {Precision::fp32, Precision::bf16}) {
    Classifier classifier(in.options(precision));
    classifier.stage(in.table);
    for (float& w : std::span(in.table).subspan(290 * 12)) w += 1;
    classifier.update(290, 10);
    EXPECT_EQ(classifier.loss(in.xn, in.targets), answer_of(in, precision).loss);
  }
}

TEST(Classifier, GivesTheSameBitsTwiceAndNearlyThoseOfOtherThreads) {
  const Input in({1100, 16, 17});
  const int threads = thread_count();
  for (const Precision precision : {Precision::fp32, Precision::bf16}) {
    set_thread_count(3);
    const Answer first = answer_of(in, precision), second = answer_of(in, precision);
    set_thread_count(1);
    const Answer alone = answer_of(in, precision);
    set_thread_count(threads);
    EXPECT_EQ(first.loss, second.loss);
    EXPECT_EQ(first.d_table, second.d_table);
    EXPECT_EQ(first.dxn, second.dxn);
    EXPECT_NEAR(first.loss, alone.loss, 1e-5 * alone.loss);
    EXPECT_LT(largest_difference(first.dxn, {alone.dxn.begin(), alone.dxn.end()}), 1e-3);
  }
}

}  // namespace
}  // namespace anemone::train
