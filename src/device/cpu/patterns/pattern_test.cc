#include "device/cpu/patterns/pattern.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <cmath>

#include "base/gemm.h"
#include "base/random.h"
#include "device/execute.h"
#include "mil/builder.h"
#include "mil/inference.h"

namespace anemone::cpu {
namespace {

using mil::DType;
using mil::Tensor;
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
      const double rounding = expected[i].type().dtype == DType::fp16 ? 0x1p-10 : 0;  // into the surface, on each side
      EXPECT_LT(d.largest, std::max(tolerance, rounding) * (1 + d.magnitude))
          << to_string(precision) << ", output " << i;
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

// ---- Convolutions between quantised values. All scales are powers of two, so that every result is exact.

struct Bytes {
  mil::Builder builder{"main"};
  Random random;
  DType dtype = DType::fp16;

  explicit Bytes(uint64_t seed) : random(seed) {}

  Tensor constant(DType type, const mil::Shape& shape, int64_t low, int64_t high, double unit = 1) {
    std::vector<double> values(size_t(mil::count(shape)));
    for (double& value : values) value = double(low + int64_t(random.below(uint64_t(high - low + 1)))) * unit;
    return Tensor::from_numbers({type, shape}, values);
  }
  // One number, or one for each of so many channels.
  mil::Shape some(bool per_channel, int64_t channels) { return per_channel ? mil::Shape{channels} : mil::Shape{}; }
  Tensor scales(bool per_channel, int64_t channels, double largest) {
    Tensor tensor = constant(dtype, some(per_channel, channels), 0, 2);
    std::vector<double> values = tensor.numbers();
    for (double& value : values) value = largest * std::exp2(-value);
    return Tensor::from_numbers(tensor.type(), values);
  }
  Value weight(int64_t out, int64_t in, bool per_channel, int64_t zero_point = 0, int64_t taps = 1) {
    return builder.apply("constexpr_affine_dequantize",
                         {{"quantized_data", constant(DType::int8, {out, in, taps, taps}, -128, 127)},
                          {"zero_point", Tensor::scalar(DType::int8, double(zero_point))},
                          {"scale", scales(per_channel, out, 0.25)},
                          {"axis", Tensor::integer(0)}});
  }
  Value conv(Value x, Value w, const Tensor* bias = nullptr) {
    mil::Builder::Arguments given{{"x", x}, {"weight", w}};
    if (bias != nullptr) given.emplace_back("bias", *bias);
    return builder.apply("conv", given);
  }
  Value quantize(Value x, DType to, bool per_channel, bool shifted) {
    const int64_t channels = x.dim(1);
    mil::Builder::Arguments given{{"input", x},
                                  {"scale", scales(per_channel, channels, 16)},
                                  {"output_dtype", Tensor::text(to == DType::int8 ? "int8" : "uint8")}};
    if (per_channel) given.emplace_back("axis", Tensor::integer(random.below(2) == 0 ? 1 : -3));
    if (shifted) given.emplace_back("zero_point", constant(to, some(per_channel, channels), 0, 90));
    return builder.apply("quantize", given);
  }
  Value dequantize(Value q, bool shifted) {
    mil::Builder::Arguments given{{"input", q}, {"scale", scales(false, 1, 0.5)}};
    if (shifted) given.emplace_back("zero_point", constant(q.dtype(), {}, 0, 90));
    return builder.apply("dequantize", given);
  }
};

std::vector<mil::Tensor> run_on_bytes(const char* name, Precision precision, const mil::Function& function) {
  const auto device = open_device(name, {.precision = precision}).value();
  Bytes bytes(17);
  std::vector<mil::Tensor> inputs;
  for (const mil::ValueId id : function.inputs) {
    const mil::TensorType& type = function.value(id).type;
    const bool is_unsigned = type.dtype == DType::uint8;
    inputs.push_back(bytes.constant(type.dtype, type.shape, is_unsigned ? 0 : -128, is_unsigned ? 255 : 127));
  }
  return execute(*device, function, {}, inputs).value().outputs;
}

// So many patterns are found where the processor multiplies bytes, and everywhere the results are the reference's.
void expect_exact(mil::Builder& builder, size_t count) {
  const auto function = builder.finish();
  ASSERT_TRUE(function) << function.error().message;
  EXPECT_EQ(patterns_in(*function), multiplies_bytes() ? count : 0);
  for (const Precision precision : {Precision::fp32, Precision::fp16, Precision::bf16}) {
    const Precision exact = precision == Precision::fp16 ? precision : Precision::fp32;
    const auto expected = run_on_bytes("ref", exact, *function), actual = run_on_bytes("cpu", precision, *function);
    for (size_t i = 0; i < expected.size(); ++i) {
      EXPECT_EQ(difference(actual[i], expected[i]).elements, 0) << to_string(precision) << ", output " << i;
    }
  }
}

mil::TensorType image(DType dtype, int64_t channels) { return {dtype, {2, channels, 7, 5}}; }

TEST(ByteConvolutions, RandomChainsGiveWhatTheOpsGive) {
  for (uint64_t seed = 0; seed < 24; ++seed) {
    SCOPED_TRACE(testing::Message() << "seed " << seed);
    Bytes b(seed);
    const auto either = [&] { return b.random.below(2) == 0; };
    b.dtype = either() ? DType::fp16 : DType::fp32;
    const auto byte = [&] { return either() ? DType::int8 : DType::uint8; };
    const mil::Shape shape{int64_t(1 + b.random.below(2)), int64_t(1 + b.random.below(70)),
                           int64_t(1 + b.random.below(20)), int64_t(1 + b.random.below(20))};
    Value q = b.builder.input("q", {byte(), shape});
    const size_t depth = 1 + b.random.below(4);
    for (size_t i = 0; i < depth; ++i) {
      const Value x = b.dequantize(q, either());
      const auto channels = int64_t(1 + b.random.below(70));
      const Tensor bias = b.constant(b.dtype, {channels}, -64, 64, 0.5);
      const Value y = b.conv(x, b.weight(channels, x.dim(1), either()), either() ? &bias : nullptr);
      if (i + 1 == depth && either()) {
        b.builder.output("y", y);
        break;
      }
      q = b.quantize(y, byte(), either(), either());
      if (either()) b.builder.output(fmt::format("q{}", i), q);
      if (i + 1 == depth) b.builder.output("last", mil::cast(q, DType::int32));
    }
    expect_exact(b.builder, depth);
  }
}

TEST(ByteConvolutions, LongRowsAndManyPlaces) {
  for (const int64_t side : {1, 3, 37}) {
    Bytes b(5);
    const Value x = b.dequantize(b.builder.input("q", {DType::int8, {1, 300, side, side}}), false);
    const Value q = b.quantize(b.conv(x, b.weight(129, 300, true)), DType::int8, true, false);
    b.builder.output("y", b.conv(b.dequantize(q, false), b.weight(300, 129, false)));
    expect_exact(b.builder, 2);
  }
}

// Its steps to int8 are no powers of two: where sums are near the middle of two steps, floats and doubles may differ.
TEST(ByteConvolutions, AnyScaleComesWithinAStep) {
  Bytes b(3);
  const auto scaled = [&](Value q) {
    return b.builder.apply("dequantize", {{"input", q}, {"scale", Tensor::scalar(DType::fp32, 0.0173)}});
  };
  const Value y = b.conv(scaled(b.builder.input("q", image(DType::int8, 33))), b.weight(21, 33, true));
  const Value q = b.builder.apply(
      "quantize", {{"input", y}, {"scale", Tensor::scalar(DType::fp32, 1.37)}, {"output_dtype", Tensor::text("int8")}});
  b.builder.output("y", mil::cast(q, DType::int32));
  const auto function = b.builder.finish();
  ASSERT_TRUE(function) << function.error().message;
  const auto expected = run_on_bytes("ref", Precision::fp32, *function);
  const Difference d = difference(run_on_bytes("cpu", Precision::fp32, *function)[0], expected[0]);
  EXPECT_LE(d.largest, 1);
  EXPECT_LE(d.elements, 2);
  EXPECT_GT(d.magnitude, 20);
}

// What others read of a quantised image that stands as bytes.
TEST(ByteConvolutions, BytesServeOtherReaders) {
  Bytes b(7);
  const Value q =
      b.quantize(b.conv(b.dequantize(b.builder.input("q", image(DType::int8, 6)), false), b.weight(8, 6, true)),
                 DType::int8, false, true);
  const Value x = b.dequantize(q, true);
  b.builder.output("sum", b.conv(x, b.weight(8, 8, false)) + x);  // x is needed as floats as well
  b.builder.output("other", b.conv(x, b.weight(3, 8, false)));
  b.builder.output("slice", slice(x, 1, 3, 4));
  b.builder.output("reshaped", mil::cast(reshape(q, {2, 8, 35}), DType::int32));
  expect_exact(b.builder, 3);
}

TEST(ByteConvolutions, AConvolutionReadByOthersStaysFloats) {
  Bytes b(8);
  const Value y = b.conv(b.dequantize(b.builder.input("q", image(DType::uint8, 6)), true), b.weight(8, 6, true));
  b.builder.output("y", y);
  b.builder.output("bytes", b.quantize(y, DType::uint8, true, true));
  expect_exact(b.builder, 1);
}

TEST(ByteConvolutions, OthersRunOneByOne) {
  const auto expect_none = [](const auto& weight_of) {
    Bytes b(9);
    const Value x = b.dequantize(b.builder.input("q", image(DType::int8, 6)), false);
    b.builder.output("bytes", b.quantize(b.conv(x, weight_of(b)), DType::int8, false, false));
    expect_exact(b.builder, 0);
  };
  expect_none([](Bytes& b) { return b.weight(8, 6, true, 1); });     // a zero point
  expect_none([](Bytes& b) { return b.weight(8, 6, true, 0, 3); });  // neighbours
  expect_none([](Bytes& b) { return b.builder.constant(b.constant(DType::fp16, {8, 6, 1, 1}, -9, 9)); });
}

// dequantize along an axis has no product of its own.
TEST(ByteConvolutions, AScaleForEachInputChannelIsNone) {
  Bytes b(10);
  const Value x = b.builder.apply("dequantize", {{"input", b.builder.input("q", image(DType::int8, 6))},
                                                 {"scale", b.scales(true, 6, 1)},
                                                 {"zero_point", b.constant(DType::int8, {6}, -9, 9)},
                                                 {"axis", Tensor::integer(1)}});
  b.builder.output("y", b.conv(x, b.weight(8, 6, true)));
  expect_exact(b.builder, 0);
}

}  // namespace
}  // namespace anemone::cpu
