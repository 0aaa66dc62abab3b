#include "train/optimizer.h"

#include <gmock/gmock.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "base/parallel.h"
#include "base/random_floats.h"

namespace anemone::train {
namespace {

using model::Config;
using model::Parameters;
using model::TensorInfo;
using testing::Each;
using testing::ElementsAreArray;

Config odd_config(bool tied = true) {
  return {.name = "odd",
          .layers = 2,
          .dim = 10,
          .hidden = 23,
          .heads = 2,
          .kv_heads = 1,
          .head_dim = 6,
          .vocab = 37,
          .seq = 8,
          .qk_norm = true,
          .tied = tied};
}

void fill(Parameters& parameters, uint64_t seed, float scale = 1) {
  std::ranges::copy(random_floats(std::ssize(parameters.all()), seed, scale), parameters.all().begin());
}

// One parameter's update, by the paper's formula, in double.
struct Reference {
  double w = 0, m = 0, v = 0;
  void step(const AdamWOptions& o, double decay, double rate, double g, int64_t t) {
    m = o.beta1 * m + (1 - o.beta1) * g;
    v = o.beta2 * v + (1 - o.beta2) * g * g;
    const double m_hat = m / (1 - std::pow(o.beta1, t));
    const double v_hat = v / (1 - std::pow(o.beta2, t));
    w -= rate * (m_hat / (std::sqrt(v_hat) + o.epsilon) + decay * w);
  }
};

void expect_reference_updates(const Config& config, const AdamWOptions& options) {
  Parameters weights(config), gradients(config);
  fill(weights, 1);
  std::vector<Reference> expected(weights.all().size());
  std::ranges::transform(weights.all(), expected.begin(), [](float w) { return Reference{.w = w}; });
  Optimizer optimizer(config, options);
  for (int64_t t = 1; t <= 5; ++t) {
    fill(gradients, 10 + t, 100.0f);
    optimizer.step(weights, gradients, {.rate = 0.01f, .gradient_scale = 0.001f});
    for (const TensorInfo& tensor : weights.tensors()) {
      const bool table = tensor.name == "tok_embeddings.weight" || tensor.name == "output.weight";
      const bool exempt = tensor.name.find("norm") != std::string::npos || (table && !options.decay_embedding);
      for (int64_t i = tensor.offset; i < tensor.offset + tensor.count(); ++i) {
        Reference& r = expected[static_cast<size_t>(i)];
        r.step(options, exempt ? 0 : options.weight_decay, 0.01f, 0.001f * gradients.all()[static_cast<size_t>(i)], t);
      }
    }
  }
  for (size_t i = 0; i < expected.size(); ++i) EXPECT_NEAR(weights.all()[i], expected[i].w, 1e-6) << i;
  EXPECT_EQ(optimizer.updates(), 5);
}

TEST(Optimizer, FollowsThePaperOnEveryTensor) {
  expect_reference_updates(odd_config(), {});
  expect_reference_updates(odd_config(false), {.weight_decay = 0.5f});
  expect_reference_updates(odd_config(false), {.weight_decay = 0.5f, .decay_embedding = false});
  expect_reference_updates(odd_config(), kSeedAdam);
}

TEST(Optimizer, FirstUpdateMovesByTheRateAndTheDecay) {
  Parameters weights(odd_config()), gradients(odd_config());
  std::ranges::fill(weights.all(), 2.0f);
  std::ranges::fill(gradients.all(), -0.5f);
  Optimizer optimizer(odd_config(), {.weight_decay = 0.25f});
  optimizer.step(weights, gradients, {.rate = 0.1f});
  // 2 − 0.1·(−0.5/√0.25 + 0.25·2) = 2.05; without decay 2.1.
  EXPECT_THAT(weights.layer(1).w2, Each(testing::FloatNear(2.05f, 1e-6f)));
  EXPECT_THAT(weights.final_norm(), Each(testing::FloatNear(2.1f, 1e-6f)));
  EXPECT_THAT(weights.layer(0).q_norm, Each(testing::FloatNear(2.1f, 1e-6f)));
}

TEST(Optimizer, SmallDecayIsNotLostInRounding) {
  Parameters weights(odd_config()), gradients(odd_config());
  std::ranges::fill(weights.all(), 0.01f);
  Optimizer optimizer(odd_config(), {.weight_decay = 0.1f});
  for (int t = 0; t < 1000; ++t) optimizer.step(weights, gradients, {.rate = 1e-4f});
  EXPECT_NEAR(weights.layer(0).w1[0], 0.01 * std::pow(1 - 1e-5, 1000), 2e-7);
}

TEST(Optimizer, RowsWithoutAGradientNeitherMoveNorDecay) {
  const Config config = odd_config(false);
  Parameters weights(config), gradients(config);
  std::ranges::fill(weights.all(), 1.0f);
  const auto row = [&](std::span<float> table, size_t id) { return table.subspan(id * 10, 10); };
  row(gradients.embedding(), 3)[9] = 1e-30f;
  row(gradients.classifier(), 36)[0] = std::numeric_limits<float>::denorm_min();
  Optimizer optimizer(config, {.weight_decay = 0.5f});
  optimizer.step(weights, gradients, {.rate = 0.1f});
  EXPECT_THAT(row(weights.embedding(), 2), Each(1.0f));
  EXPECT_THAT(row(weights.embedding(), 36), Each(1.0f));
  EXPECT_FLOAT_EQ(row(weights.embedding(), 3)[0], 0.95f);
  EXPECT_FLOAT_EQ(row(weights.classifier(), 36)[1], 0.95f);
  EXPECT_THAT(row(weights.classifier(), 3), Each(1.0f));
  std::vector<uint8_t> used(2 * 37);
  used[3] = used[37 + 36] = 1;
  EXPECT_THAT(optimizer.used_rows(), ElementsAreArray(used));

  std::ranges::fill(gradients.all(), 0.0f);  // once used, a row decays whatever its gradient
  optimizer.step(weights, gradients, {.rate = 0.1f});
  EXPECT_FLOAT_EQ(row(weights.embedding(), 3)[0], 0.95f * 0.95f);
}

// How often each weight was told, and the value it had then.
struct Ledger final : UpdateListener {
  explicit Ledger(size_t count) : times(count), values(count) {}
  void on_updated(const Parameters& weights, size_t tensor, int64_t row, int64_t rows) override {
    const TensorInfo& info = weights.tensors()[tensor];
    const int64_t length = info.shape.back();
    for (int64_t i = info.offset + row * length; i < info.offset + (row + rows) * length; ++i) {
      ++times[static_cast<size_t>(i)];
      values[static_cast<size_t>(i)] = weights.all()[static_cast<size_t>(i)];
    }
  }
  std::vector<int> times;
  std::vector<float> values;
};

// Tensors of more than one block, and of one row.
TEST(Optimizer, TellsEachChangedWeightOnceAndAfterItsUpdate) {
  const Config config{.name = "wide",
                      .layers = 1,
                      .dim = 100,
                      .hidden = 511,
                      .heads = 1,
                      .kv_heads = 1,
                      .head_dim = 64,
                      .vocab = 501,
                      .seq = 8};
  Parameters weights(config), gradients(config);
  fill(weights, 1);
  fill(gradients, 2);
  std::ranges::fill(gradients.embedding().subspan(0, 490 * 100), 0.0f);  // rows that were never used
  Optimizer optimizer(config, {});
  Ledger ledger(weights.all().size());
  optimizer.step(weights, gradients, {.rate = 0.1f}, &ledger);
  const size_t unused = 300 * 100;  // in blocks without a used row
  EXPECT_THAT(std::span(ledger.times).first(unused), Each(0));
  EXPECT_THAT(std::span(ledger.times).subspan(490 * 100), Each(1));
  EXPECT_THAT(std::span(ledger.values).subspan(490 * 100), ElementsAreArray(weights.all().subspan(490 * 100)));
}

TEST(Optimizer, ARestoredOneGoesOnBitForBit) {
  const Config config = odd_config();
  Parameters weights(config), gradients(config), resumed(config);
  fill(weights, 1);
  fill(gradients, 2);
  std::ranges::fill(gradients.embedding().subspan(50), 0.0f);
  Optimizer first(config, {});
  first.step(weights, gradients, {.rate = 0.1f});

  Optimizer second(config, {});
  std::ranges::copy(weights.all(), resumed.all().begin());
  std::ranges::copy(first.m().all(), second.m().all().begin());
  std::ranges::copy(first.v().all(), second.v().all().begin());
  std::ranges::copy(first.used_rows(), second.used_rows().begin());
  second.set_updates(first.updates());
  std::ranges::fill(gradients.embedding(), 0.0f);
  first.step(weights, gradients, {.rate = 0.1f});
  second.step(resumed, gradients, {.rate = 0.1f});
  EXPECT_THAT(resumed.all(), ElementsAreArray(weights.all()));
}

// More than one block of the sum, and no multiple of one.
Config wide_config() {
  return {.name = "wide",
          .layers = 1,
          .dim = 63,
          .hidden = 511,
          .heads = 1,
          .kv_heads = 1,
          .head_dim = 64,
          .vocab = 501,
          .seq = 8};
}

TEST(SquaredNorm, EqualsAPlainSumWhateverTheThreads) {
  Parameters gradients(wide_config());
  fill(gradients, 3, 1e-3f);
  double expected = 0;
  for (const float g : gradients.all()) expected += static_cast<double>(g) * g;
  const int threads = thread_count();
  set_thread_count(1);
  const double alone = squared_norm(gradients);
  set_thread_count(3);
  EXPECT_EQ(squared_norm(gradients), alone);
  set_thread_count(threads);
  EXPECT_NEAR(alone / expected, 1, 1e-13);
}

TEST(SquaredNorm, ShowsAnOverflowWhereverItIs) {
  for (const size_t at : {size_t{0}, size_t{70001}, Parameters(wide_config()).all().size() - 1}) {
    Parameters gradients(wide_config());
    fill(gradients, 3, 1e30f);  // squares beyond fp32 are no overflow
    EXPECT_TRUE(std::isfinite(squared_norm(gradients)));
    gradients.all()[at] = -INFINITY;
    EXPECT_EQ(squared_norm(gradients), INFINITY);
    gradients.all()[at] = NAN;
    EXPECT_TRUE(std::isnan(squared_norm(gradients)));
  }
}

TEST(ClipFactor, BringsANormDownToTheLimit) {
  EXPECT_FLOAT_EQ(clip_factor(4, 1), 0.25f);
  EXPECT_EQ(clip_factor(0.5, 1), 1);
  EXPECT_EQ(clip_factor(4, 0), 1);
}

}  // namespace
}  // namespace anemone::train
