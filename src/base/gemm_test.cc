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
      if (multiplies_bfloat16()) expect_product(t, Factor::bf16, on_one_thread);
    }
  }
}

// What the product leaves as floats, rounded once.
TEST(Product, WritesFactors) {
  if (!multiplies_bfloat16()) GTEST_SKIP() << "this processor does not multiply bfloat16";
  const Gemm gemm{.m = 33, .n = 65, .k = 70, .lda = 73, .ldb = 68, .ldc = 65};
  const Stored a(gemm.m, gemm.k, 1), b(gemm.k, gemm.n, 2);
  std::vector<float> floats(static_cast<size_t>(gemm.m * gemm.n));
  std::vector<BFloat16> factors(floats.size());
  Product({.gemm = gemm, .factors = Factor::bf16}).run(a.halves.data(), b.halves.data(), floats.data());
  Product({.gemm = gemm, .factors = Factor::bf16, .result = Factor::bf16})
      .run(a.halves.data(), b.halves.data(), factors.data());
  for (size_t i = 0; i < floats.size(); ++i) ASSERT_EQ(factors[i].value(), BFloat16::from(floats[i]).value());
}

template <class A>
void expect_exact_bytes(const BytePlan& plan, int low) {
  Random random(3);
  const auto fill = [&](auto& bytes, int from) {
    using Byte = std::remove_reference_t<decltype(bytes[0])>;
    for (auto& byte : bytes) byte = static_cast<Byte>(from + int(random.below(256)));
    bytes[0] = static_cast<Byte>(from);  // the ends of the range, side by side
    bytes[1 % bytes.size()] = static_cast<Byte>(from + 255);
  };
  std::vector<A> a(static_cast<size_t>(plan.m * plan.k));
  std::vector<int8_t> b(static_cast<size_t>(plan.n * plan.k));
  fill(a, low);
  fill(b, -128);
  const ByteProduct product(plan);
  const Buffer<std::byte> packed = product.pack(b.data());
  std::vector<int32_t> c(static_cast<size_t>(plan.m * plan.n));
  product.run(a.data(), packed, c.data());
  for (int64_t i = 0; i < plan.m; ++i) {
    for (int64_t j = 0; j < plan.n; ++j) {
      int64_t sum = 0;
      for (int64_t k = 0; k < plan.k; ++k) sum += int64_t(a[size_t(i * plan.k + k)]) * b[size_t(j * plan.k + k)];
      ASSERT_EQ(c[static_cast<size_t>(i * plan.n + j)], sum) << i << ", " << j;
    }
  }
}

TEST(ByteProduct, IsExact) {
  if (!multiplies_bytes()) GTEST_SKIP() << "this processor has no exact products of bytes";
  for (const auto& [m, n, k] : {std::tuple{1, 1, 1}, {16, 7, 3}, {64, 33, 65}, {128, 256, 70}, {17, 1, 200}}) {
    SCOPED_TRACE(testing::Message() << m << "x" << n << "x" << k);
    expect_exact_bytes<int8_t>({.m = m, .n = n, .k = k, .a_is_signed = true}, -128);
    expect_exact_bytes<uint8_t>({.m = m, .n = n, .k = k, .a_is_signed = false}, 0);
  }
}

}  // namespace
}  // namespace anemone
