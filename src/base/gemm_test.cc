#include "base/gemm.h"

#include <gtest/gtest.h>

#include <cmath>
#include <vector>

#include "base/half.h"
#include "base/parallel.h"
#include "base/random.h"

namespace anemone {
namespace {

constexpr float kSentinel = 12345;

// A stored matrix with rows farther apart than they are long; bfloat16 values, so that both kinds of factors are exact.
struct Stored {
  std::vector<float> floats;
  std::vector<BFloat16> halves;
  int64_t ld;

  Stored(int64_t rows, int64_t columns, uint64_t seed) : ld(columns + 3) {
    Random random(seed);
    for (int64_t i = 0; i < rows * ld; ++i) {
      halves.push_back(BFloat16::from(static_cast<float>(random.normal())));
      floats.push_back(halves.back().value());
    }
  }
  float at(int64_t r, int64_t c, Transpose trans) const {
    return floats[static_cast<size_t>(trans == Transpose::yes ? c * ld + r : r * ld + c)];
  }
  const void* data(Factor factors) const {
    return factors == Factor::bf16 ? static_cast<const void*>(halves.data()) : floats.data();
  }
};

struct Case {
  int64_t m, n, k;
  Transpose trans_a, trans_b;
  float beta;
};

std::vector<Case> cases() {
  std::vector<Case> all;
  for (const auto& [m, n, k] : {std::tuple{1, 1, 1}, {5, 7, 3}, {64, 33, 65}, {130, 256, 70}, {17, 1, 200}}) {
    for (const Transpose a : {Transpose::no, Transpose::yes}) {
      for (const Transpose b : {Transpose::no, Transpose::yes}) {
        for (const float beta : {0.0f, 1.0f}) all.push_back({m, n, k, a, b, beta});
      }
    }
  }
  return all;
}

void expect_product(const Case& t, Factor factors, bool on_one_thread) {
  const Stored a = t.trans_a == Transpose::yes ? Stored(t.k, t.m, 1) : Stored(t.m, t.k, 1);
  const Stored b = t.trans_b == Transpose::yes ? Stored(t.n, t.k, 2) : Stored(t.k, t.n, 2);
  const int64_t ldc = t.n + 1;
  const Product product({.gemm = {.trans_a = t.trans_a,
                                  .trans_b = t.trans_b,
                                  .m = t.m,
                                  .n = t.n,
                                  .k = t.k,
                                  .lda = a.ld,
                                  .ldb = b.ld,
                                  .ldc = ldc,
                                  .beta = t.beta},
                         .factors = factors,
                         .on_one_thread = on_one_thread});
  std::vector<std::vector<float>> results(3, std::vector<float>(static_cast<size_t>(t.m * ldc), kSentinel));
  if (on_one_thread) {
    parallel_for(3, 1, [&](int64_t begin, int64_t end) {
      for (int64_t i = begin; i < end; ++i) {
        product.run(a.data(factors), b.data(factors), results[static_cast<size_t>(i)].data());
      }
    });
  } else {
    for (auto& c : results) product.run(a.data(factors), b.data(factors), c.data());
  }
  for (const std::vector<float>& c : results) {
    ASSERT_EQ(c, results[0]);
    for (int64_t i = 0; i < t.m; ++i) {
      for (int64_t j = 0; j < t.n; ++j) {
        double expected = t.beta * kSentinel;
        for (int64_t k = 0; k < t.k; ++k) expected += double(a.at(i, k, t.trans_a)) * b.at(k, j, t.trans_b);
        ASSERT_NEAR(c[static_cast<size_t>(i * ldc + j)], expected, 1e-5 * (std::abs(expected) + double(t.k)));
      }
      ASSERT_EQ(c[static_cast<size_t>(i * ldc + t.n)], kSentinel) << "written past a row's end";
    }
  }
}

TEST(Product, MultipliesEveryLayout) {
  for (const Case& t : cases()) {
    SCOPED_TRACE(testing::Message() << t.m << "x" << t.n << "x" << t.k << (t.trans_a == Transpose::yes ? " T" : " N")
                                    << (t.trans_b == Transpose::yes ? "T" : "N") << " beta " << t.beta);
    for (const bool on_one_thread : {false, true}) {
      expect_product(t, Factor::fp32, on_one_thread);
      expect_product(t, Factor::bf16, on_one_thread);
    }
  }
}

}  // namespace
}  // namespace anemone
