#include "mil/summary.h"

#include <gmock/gmock.h>

#include "mil/builder.h"

namespace anemone::mil {
namespace {

using testing::ElementsAre;
using testing::Pair;

TEST(Summary, CountsProductsElementsAndBytes) {
  Builder b;
  const Value x = b.input("x", {DType::fp16, {1, 6, 1, 5}});
  const Value h = conv(x, b.weight("w", {DType::fp16, {4, 6, 1, 1}}));        // 20 elements of 6 terms
  const Value s = matmul_tn(h, h);                                            // [1, 4, 5, 5], 100 elements of 1 term
  b.output("y", s * 2.0 + b.constant(Tensor::scalar(DType::fp16, 1)) * 3.0);  // the second product is of constants
  const Summary summary = summarize(*b.finish());
  EXPECT_THAT(summary.ops, ElementsAre(Pair("add", 1), Pair("conv", 1), Pair("matmul", 1), Pair("mul", 1)));
  EXPECT_EQ(summary.product_flops, 2 * (20 * 6 + 100));
  EXPECT_EQ(summary.other_flops, 200);
  EXPECT_EQ(summary.input_bytes, 60);
  EXPECT_EQ(summary.output_bytes, 200);
  EXPECT_EQ(summary.weights, 24);
  EXPECT_EQ(summary.weight_bytes, 48);
}

TEST(Summary, CountsAsTheSeedDoes) {  // inmem_peak: GFLOP = 2·C²·S·d
  Builder b;
  Value x = b.input("x", {DType::fp16, {1, 512, 1, 64}});
  for (int i = 0; i < 3; ++i) x = conv(x, b.weight("w", {DType::fp16, {512, 512, 1, 1}}));
  b.output("y", x);
  EXPECT_EQ(summarize(*b.finish()).product_flops, 2.0 * 512 * 512 * 64 * 3);
}

TEST(Summary, SumsStayWithinRange) {
  Builder b;
  Value x;
  for (int i = 0; i < 10000; ++i) x = b.input(fmt::format("x{}", i), {DType::fp32, {1 << 24, 1 << 24}});
  b.output("y", relu(x));
  EXPECT_EQ(summarize(*b.finish()).input_bytes, INT64_MAX);
}

}  // namespace
}  // namespace anemone::mil
