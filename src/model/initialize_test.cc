#include "model/initialize.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstdlib>

#include "base/file.h"
#include "base/json.h"
#include "base/parallel.h"

namespace anemone::model {
namespace {

const std::pair<const char*, InitScheme> kSeedSchemes[] = {{"train_large", InitScheme::train_large},
                                                           {"train_large_ane", InitScheme::train_large_ane},
                                                           {"dynamic", InitScheme::dynamic}};

Config grouped() {
  return {.name = "grouped",
          .layers = 3,
          .dim = 40,
          .hidden = 56,
          .heads = 6,
          .kv_heads = 2,
          .head_dim = 8,
          .vocab = 100,
          .seq = 16,
          .qk_norm = true,
          .tied = false};
}

double deviation(std::span<const float> values) {
  double sum = 0, squares = 0;
  for (float x : values) sum += x, squares += double{x} * x;
  const auto n = static_cast<double>(values.size());
  EXPECT_NEAR(sum / n, 0, 4 * std::sqrt(squares / n / n));  // four standard errors
  return std::sqrt(squares / n);
}

TEST(Initialize, StandardHasDeviationsThatFollowTheWidth) {
  const Config config = *find_config("stories260k");
  Parameters weights(config);
  initialize(weights, config, 7);
  const LayerView layer = weights.layer(2);
  const double small = 0.0790569;  // √(2 / (5·64))
  EXPECT_NEAR(deviation(weights.embedding()), small, 0.025 * small);
  EXPECT_NEAR(deviation(layer.wq), small, 0.05 * small);
  EXPECT_NEAR(deviation(layer.w1), small, 0.025 * small);
  EXPECT_NEAR(deviation(layer.wo), small / std::sqrt(10), 0.05 * small / std::sqrt(10));  // L = 5
  EXPECT_NEAR(deviation(layer.w2), small / std::sqrt(10), 0.05 * small / std::sqrt(10));
  for (float x : layer.ffn_norm) EXPECT_EQ(x, 1);
  for (float x : weights.final_norm()) EXPECT_EQ(x, 1);
}

TEST(Initialize, StandardGivesEveryTensorItsOwnValuesWhateverTheThreads) {
  Parameters once(grouped()), again(grouped()), other(grouped());
  const int threads = thread_count();
  set_thread_count(1);
  initialize(once, grouped(), 7);
  set_thread_count(3);
  initialize(again, grouped(), 7);
  set_thread_count(threads);
  initialize(other, grouped(), 8);
  EXPECT_TRUE(std::ranges::equal(once.all(), again.all()));
  EXPECT_FALSE(std::ranges::equal(once.all(), other.all()));
  EXPECT_NE(once.layer(0).wk[0], once.layer(0).wv[0]);
  EXPECT_NE(once.layer(0).wk[0], once.layer(1).wk[0]);
  EXPECT_NE(once.classifier()[0], once.embedding()[0]);
  EXPECT_EQ(once.layer(1).k_norm[3], 1);
}

// The last embedding value is draw 109,510,655: it is right only if no draw before it is missing or too many.
TEST(Initialize, SeedSchemesMatchAnIndependentGeneratorOnStories110M) {
  const std::string path = ANEMONE_SOURCE_DIR "/tests/golden/initialize/draws.json";
  const nlohmann::json golden = *parse_json(*read_text(path), path);
  EXPECT_EQ(golden["draws"], 109510656);
  const Config config = *find_config("stories110m");
  Parameters weights(config);
  for (const auto& [name, scheme] : kSeedSchemes) {
    initialize(weights, config, 42, scheme);
    for (const auto& row : golden[name]) {
      const auto tensor = std::ranges::find(weights.tensors(), row[0].get<std::string>(), &TensorInfo::name);
      ASSERT_NE(tensor, weights.tensors().end());
      EXPECT_EQ(weights.tensor(*tensor)[row[1].get<size_t>()], row[2].get<float>()) << name << " " << row;
    }
  }
}

#ifdef __GLIBC__
// Tensor by tensor in the order of each program, from the C library's own generator.
TEST(Initialize, SeedSchemesDrawAsTheCLibraryDoes) {
  const Config c = grouped();
  const float d = 1 / std::sqrt(40.0F), h = 1 / std::sqrt(56.0F), r = 1 / std::sqrt(6.0F);
  const auto next = [](float scale) { return static_cast<float>(scale * (2 * drand48() - 1)); };
  Parameters weights(c);

  initialize(weights, c, 42, InitScheme::dynamic);
  srand48(42);
  for (int64_t l = 0; l < c.layers; ++l) {
    const LayerView layer = weights.layer(l);
    for (float x : layer.wq) ASSERT_EQ(x, next(d));
    for (float x : layer.wk) ASSERT_EQ(x, next(d));
    for (float x : layer.wv) ASSERT_EQ(x, next(d));
    for (float x : layer.wo) ASSERT_EQ(x, next(1 / std::sqrt(48.0F) * r));
    for (float x : layer.w1) ASSERT_EQ(x, next(h));
    for (float x : layer.w2) ASSERT_EQ(x, next(d * r));
    for (float x : layer.w3) ASSERT_EQ(x, next(h));
  }
  for (float x : weights.embedding()) ASSERT_EQ(x, next(0.02F));

  initialize(weights, c, 42, InitScheme::train_large);
  srand48(42);
  const LayerView layer = weights.layer(0);
  for (size_t i = 0; i < layer.wk.size(); ++i) {
    ASSERT_EQ(layer.wq[i], next(d));
    ASSERT_EQ(layer.wk[i], next(d));
  }
  for (size_t i = layer.wk.size(); i < layer.wq.size(); ++i) ASSERT_EQ(layer.wq[i], next(d));
}
#endif

}  // namespace
}  // namespace anemone::model
