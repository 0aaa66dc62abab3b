#include "model/initialize.h"

#include <gtest/gtest.h>

#include <algorithm>
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
// The C library's own generator, one draw after the other in the order of each of the seed's programs. Whether all
// values are those drawn.
class Draws {
 public:
  explicit Draws(long seed) { srand48(seed); }

  bool are(std::span<const float> values, float scale) {
    return std::ranges::all_of(values, [&](float x) { return x == next(scale); });
  }
  // a[0], b[0], a[1], b[1], …, then what is longer.
  bool are_in_turns(std::span<const float> a, std::span<const float> b, float a_scale, float b_scale) {
    bool same = true;
    for (size_t i = 0; i < std::max(a.size(), b.size()); ++i) {
      if (i < a.size()) same &= a[i] == next(a_scale);
      if (i < b.size()) same &= b[i] == next(b_scale);
    }
    return same;
  }

 private:
  static float next(float scale) { return static_cast<float>(scale * (2 * drand48() - 1)); }
};

bool drawn_as_dynamic(const Parameters& weights, const Config& c, long seed) {
  const auto width = [](int64_t n) { return std::sqrt(static_cast<float>(n)); };
  const float d = 1 / width(c.dim), h = 1 / width(c.hidden), r = 1 / width(2 * c.layers);
  Draws draws(seed);
  bool same = true;
  for (int64_t l = 0; l < c.layers; ++l) {
    const ConstLayerView layer = weights.layer(l);
    same &= draws.are(layer.wq, d) && draws.are(layer.wk, d) && draws.are(layer.wv, d);
    same &= draws.are(layer.wo, 1 / width(c.q_dim()) * r);
    same &= draws.are(layer.w1, h) && draws.are(layer.w2, d * r) && draws.are(layer.w3, h);
  }
  return same && draws.are(weights.embedding(), 0.02F) && (c.tied || draws.are(weights.classifier(), 0.02F));
}

// `r` is what the program scales the projections into the residual stream by.
bool drawn_as_train_large(const Parameters& weights, const Config& c, long seed, float r) {
  const float d = 1 / std::sqrt(static_cast<float>(c.dim)), h = 1 / std::sqrt(static_cast<float>(c.hidden));
  Draws draws(seed);
  bool same = true;
  for (int64_t l = 0; l < c.layers; ++l) {
    const ConstLayerView layer = weights.layer(l);
    same &= draws.are_in_turns(layer.wq, layer.wk, d, d) && draws.are_in_turns(layer.wv, layer.wo, d, d * r);
    same &= draws.are(layer.w1, h) && draws.are(layer.w2, d * r) && draws.are(layer.w3, h);
  }
  return same && draws.are(weights.embedding(), 0.02F) && (c.tied || draws.are(weights.classifier(), 0.02F));
}

// Small enough for one thread, and large enough for several, which begin amid a tensor, a pair or its longer half.
TEST(Initialize, SeedSchemesDrawAsTheCLibraryDoesWhateverTheThreads) {
  Config large = grouped();
  large.dim = 200, large.heads = 24, large.vocab = 1001, large.layers = 2;  // wq has 38,400 values, wk 3,200
  Config square = large;
  square.heads = square.kv_heads = 24, square.hidden = 301, square.tied = true;
  const int threads = thread_count();
  for (const Config& c : {grouped(), large, square}) {
    const float r = 1 / std::sqrt(2 * static_cast<float>(c.layers));
    Parameters weights(c);
    for (int count : {1, 2, 3, 7}) {
      set_thread_count(count);
      const auto initialized_as = [&](InitScheme scheme, long seed) -> const Parameters& {
        initialize(weights, c, static_cast<uint64_t>(seed), scheme);
        return weights;
      };
      EXPECT_TRUE(drawn_as_dynamic(initialized_as(InitScheme::dynamic, 42), c, 42)) << count << " threads";
      EXPECT_TRUE(drawn_as_train_large(initialized_as(InitScheme::train_large, 7), c, 7, 1)) << count << " threads";
      EXPECT_TRUE(drawn_as_train_large(initialized_as(InitScheme::train_large_ane, 9), c, 9, r)) << count << " threads";
    }
  }
  set_thread_count(threads);
}
#endif

}  // namespace
}  // namespace anemone::model
