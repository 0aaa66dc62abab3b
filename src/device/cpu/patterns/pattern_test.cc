#include "device/cpu/patterns/pattern.h"

#include <gtest/gtest.h>

#include <cmath>

#include "base/random.h"
#include "device/execute.h"
#include "mil/builder.h"
#include "mil/inference.h"

namespace anemone::cpu {
namespace {

using mil::DType;
using mil::Value;

constexpr int64_t kHeads = 3, kTokens = 21, kDepth = 8;

struct Formula {
  mil::Builder builder;
  DType dtype = DType::fp32;

  Value input(const char* name) { return builder.input(name, {dtype, {1, kHeads, kTokens, kDepth}}); }
  Value constant(const mil::Shape& shape, const std::vector<double>& values) {
    return builder.constant(mil::Tensor::from_numbers({dtype, shape}, values));
  }
  // `hidden` where key > query.
  Value mask(double hidden) {
    std::vector<double> values(size_t(kTokens * kTokens));
    for (size_t i = 0; i < values.size(); ++i) values[i] = i % kTokens <= i / kTokens ? 0 : hidden;
    return constant({1, 1, kTokens, kTokens}, values);
  }
};

size_t patterns_in(const mil::Function& function) {
  const auto constants = mil::fold_constants(function, {}, true).value();
  const Graph graph(function, [&](mil::ValueId id) {
    const auto& tensor = constants[size_t(id)];
    return tensor ? &*tensor : nullptr;
  });
  return find_patterns(graph).size();
}

std::vector<mil::Tensor> run_on(const char* name, Precision precision, const mil::Function& function) {
  const auto device = open_device(name, {.precision = precision}).value();
  std::vector<mil::Tensor> inputs;
  Random random(1);
  for (const mil::ValueId id : function.inputs) {
    std::vector<double> values(size_t(function.value(id).type.count()));
    for (double& value : values) value = random.normal();
    inputs.push_back(mil::Tensor::from_numbers(function.value(id).type, values));
  }
  return execute(*device, function, {}, inputs).value().outputs;
}

// So many patterns are found, and what they compute is what the ops do.
void expect_patterns(mil::Builder& builder, size_t count) {
  const auto function = builder.finish();
  ASSERT_TRUE(function) << function.error().message;
  EXPECT_EQ(patterns_in(*function), count);
  for (const auto& [precision, tolerance] :
       {std::pair{Precision::fp32, 1e-5}, std::pair{Precision::fp16, 0.01}, std::pair{Precision::bf16, 0.04}}) {
    const auto expected = run_on("ref", Precision::fp32, *function), actual = run_on("cpu", precision, *function);
    for (size_t i = 0; i < expected.size(); ++i) {
      const Difference d = difference(actual[i], expected[i]);
      EXPECT_LT(d.largest, tolerance * (1 + d.magnitude)) << to_string(precision) << ", output " << i;
    }
  }
}

TEST(Patterns, AttentionIsOne) {
  for (const DType dtype : {DType::fp32, DType::fp16}) {
    Formula f{.builder = mil::Builder("main"), .dtype = dtype};
    const Value q = f.input("q"), k = f.input("k"), v = f.input("v");
    f.builder.output("o", matmul(softmax(matmul_nt(q, k) * 0.3 + f.mask(-65504), -1), v));
    expect_patterns(f.builder, 1);
  }
}

TEST(Patterns, AttentionNeedsNeitherScaleNorMask) {
  Formula f;
  const Value q = f.input("q"), k = f.input("k"), v = f.input("v");
  f.builder.output("o", matmul(softmax(matmul_nt(q, k), -1), v));
  expect_patterns(f.builder, 1);
}

TEST(Patterns, AttentionIsNoneWhereItsProbabilitiesLeave) {
  Formula f;
  const Value q = f.input("q"), k = f.input("k"), v = f.input("v"), p = softmax(matmul_nt(q, k), -1);
  f.builder.output("o", matmul(p, v));
  f.builder.output("p", p);
  expect_patterns(f.builder, 0);
}

TEST(Patterns, AttentionIsNoneUnderAnotherMask) {
  Formula f;
  const Value q = f.input("q"), k = f.input("k"), v = f.input("v");
  f.builder.output("o", matmul(softmax(matmul_nt(q, k) * 0.3 + f.mask(-2), -1), v));
  expect_patterns(f.builder, 0);
}

TEST(Patterns, TheBackwardPassOfAttentionIsOne) {
  Formula f;
  const Value q = f.input("q"), k = f.input("k"), v = f.input("v"), d_o = f.input("d_o");
  const Value p = softmax(matmul_nt(q, k) * 0.3 + f.mask(-65504), -1), dp = matmul_nt(d_o, v);
  const Value dv = matmul_tn(p, d_o), ds = p * (dp - sum(p * dp, -1)) * 0.3;
  const Value dq = matmul(ds, k), dk = matmul_tn(ds, q);
  f.builder.output("dq", dq);
  f.builder.output("dk", dk);
  f.builder.output("dv", dv);
  expect_patterns(f.builder, 1);
}

// Each head of keys and values is read by three of the queries.
TEST(Patterns, AttentionReadsSharedHeadsWhereTheyStand) {
  Formula f;
  const auto shared = [&](const char* name) {
    const Value x = f.builder.input(name, {f.dtype, {2, 2, kTokens, kDepth}});
    const Value rows = reshape(x, {2, 1, 2, kTokens * kDepth});
    return reshape(mil::concat({rows, rows, rows}, 3), {2, 6, kTokens, kDepth});
  };
  const auto queries = [&](const char* name) { return f.builder.input(name, {f.dtype, {2, 6, kTokens, kDepth}}); };
  const Value q = queries("q"), k = shared("k"), v = shared("v"), d_o = queries("d_o");
  const Value p = softmax(matmul_nt(q, k) * 0.3 + f.mask(-65504), -1), dp = matmul_nt(d_o, v);
  const Value dv = matmul_tn(p, d_o), ds = p * (dp - sum(p * dp, -1)) * 0.3;
  const Value dq = matmul(ds, k), dk = matmul_tn(ds, q);
  f.builder.output("dq", dq);
  f.builder.output("dk", dk);
  f.builder.output("dv", dv);
  const Value other_k = shared("k2"), other_v = shared("v2");
  f.builder.output("o", matmul(softmax(matmul_nt(q, other_k), -1), other_v));
  expect_patterns(f.builder, 2);
}

TEST(Patterns, TheBackwardPassOfAttentionIsNoneWithAnotherScale) {
  Formula f;
  const Value q = f.input("q"), k = f.input("k"), v = f.input("v"), d_o = f.input("d_o");
  const Value p = softmax(matmul_nt(q, k) * 0.3, -1), dp = matmul_nt(d_o, v);
  const Value dv = matmul_tn(p, d_o), ds = p * (dp - sum(p * dp, -1)) * 0.5;
  const Value dq = matmul(ds, k), dk = matmul_tn(ds, q);
  f.builder.output("dq", dq);
  f.builder.output("dk", dk);
  f.builder.output("dv", dv);
  expect_patterns(f.builder, 0);
}

// x·cos ± rotate(x)·sin with pairs that are neighbours or half an axis apart.
void expect_rotation(bool halves, bool backward, double sign, size_t count) {
  Formula f;
  const Value x = f.input("x");
  std::vector<double> cos, sin;
  for (int64_t i = 0; i < kTokens * kDepth; ++i) {
    const int64_t pair = halves ? i % kDepth % (kDepth / 2) : i % kDepth / 2, token = i / kDepth;
    const double angle = double(token) / std::pow(10, double(pair));
    cos.push_back(std::cos(angle));
    sin.push_back(std::sin(angle));
  }
  const Value c = f.constant({1, 1, kTokens, kDepth}, cos), s = f.constant({1, 1, kTokens, kDepth}, sin);
  const Value pairs = halves ? x : reshape(x, {1, kHeads, kTokens * kDepth / 2, 2});
  const int64_t half = pairs.dim(3) / 2;
  const Value a = slice(pairs, 3, 0, half), b = slice(pairs, 3, half, half);
  const Value joined = mil::concat({b * sign, a}, 3), rotated = halves ? joined : reshape(joined, x.shape());
  f.builder.output("y", backward ? x * c - rotated * s : x * c + rotated * s);
  expect_patterns(f.builder, count);
}

TEST(Patterns, ARotationIsOne) {
  for (const bool halves : {false, true}) {
    for (const bool backward : {false, true}) {
      SCOPED_TRACE(testing::Message() << (halves ? "halves" : "neighbours") << (backward ? ", backward" : ""));
      expect_rotation(halves, backward, -1, 1);
      expect_rotation(halves, backward, 1, 0);  // no rotation
    }
  }
}

}  // namespace
}  // namespace anemone::cpu
