// The decode kernels against the forward kernels over a whole sequence.
#include "model/decode_kernels.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "model/kernel_testing.h"
#include "model/rotary.h"

namespace anemone::model {
namespace {

constexpr double kTolerance = 1e-6;  // constants of the programs (tables, scales, ε) are floats

// Of the columns of `m`, those in the first `count` places; others hold large numbers, which the mask must hide.
Matrix cache_of(const Matrix& m, int64_t count, int64_t capacity) {
  Matrix cache = random_matrix(m.rows, capacity, 99, 64);
  for (int64_t i = 0; i < m.rows; ++i) {
    for (int64_t t = 0; t < count; ++t) cache(i, t) = m(i, t);
  }
  return cache;
}

Matrix mask_of(int64_t count, int64_t capacity) {
  Matrix mask = Matrix::zeros(1, capacity);
  for (int64_t t = count; t < capacity; ++t) mask(0, t) = kMasked;
  return mask;
}

Matrix row_of(const std::vector<double>& table, int64_t row, int64_t h) {
  return {h, 1, {table.begin() + row * h, table.begin() + (row + 1) * h}};
}

class DecodeKernelsTest : public testing::TestWithParam<Geometry> {
 protected:
  const Geometry& whole = GetParam();
  const Geometry one{whole.config, 1, 1, whole.dtype};
  const Config& config = whole.config;
  const WeightMatrices weights = random_weights(config, 3);
};

TEST_P(DecodeKernelsTest, AttentionContinuesTheSequence) {
  Slots expected{{"x", random_matrix(config.dim, whole.tokens(), 4)}};
  run(attention_forward(whole), weights, expected);
  const int64_t capacity = whole.seq + 2;
  const RotaryTables tables = rotary_tables(config, whole.seq);
  const KernelRun decode(decode_attention(one, capacity), weights);
  for (int64_t t = 0; t < whole.seq; ++t) {
    const Range here{t, t + 1};
    const Slots found = decode({{"keys", cache_of(expected["k"], t, capacity)},
                                {"values", cache_of(expected["v"], t, capacity)},
                                {"mask", mask_of(t, capacity)},
                                {"x", columns_of(expected["x"], here)},
                                {"cos", row_of(tables.cos, t, config.head_dim)},
                                {"sin", row_of(tables.sin, t, config.head_dim)}});
    for (const char* slot : {"o", "k", "v"}) {
      EXPECT_LE(relative_error(found.at(slot), columns_of(expected[slot], here)), kTolerance) << slot << " of " << t;
    }
  }
}

TEST_P(DecodeKernelsTest, HeadIsNormAndClassifier) {
  Slots expected{{"x", random_matrix(config.dim, 1, 5)}};
  const Slots found = KernelRun(decode_head(one), weights)(expected);
  run(norm_forward(one, WeightSource::baked, Weight::final_norm), weights, expected);
  expected["x"] = expected["y"];
  run(classifier(one, WeightSource::baked), weights, expected);
  EXPECT_LE(relative_error(found.at("logits"), expected["logits"]), kTolerance);
}

INSTANTIATE_TEST_SUITE_P(Models, DecodeKernelsTest, testing::ValuesIn(kernel_cases()), CaseName());

TEST(DecodeKernelsPlaces, CacheStandsBesideTheToken) {
  const Geometry g = kernel_cases().front();  // D 12, K 16, h 8
  const Kernel k = decode_attention({g.config, 1, 1, g.dtype}, 100).value();
  const auto place = [&](const char* name) {
    const Slot& s = k.in(name);
    return std::vector{s.row, s.rows, s.column, s.columns};
  };
  EXPECT_EQ(k.input.shape, (mil::Shape{1, 33, 1, 101}));
  EXPECT_THAT(place("keys"), testing::ElementsAre(0, 16, 0, 100));
  EXPECT_THAT(place("values"), testing::ElementsAre(16, 16, 0, 100));
  EXPECT_THAT(place("mask"), testing::ElementsAre(32, 1, 0, 100));
  EXPECT_THAT(place("x"), testing::ElementsAre(0, 12, 100, 1));
  EXPECT_THAT(place("sin"), testing::ElementsAre(20, 8, 100, 1));
}

}  // namespace
}  // namespace anemone::model
