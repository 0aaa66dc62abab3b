#include "mil/printer.h"

#include <gmock/gmock.h>

#include <cmath>
#include <cstdlib>

#include "base/file.h"
#include "base/half.h"
#include "mil/builder.h"

namespace anemone::mil {
namespace {

using testing::HasSubstr;

// y = softmax(x · wq / √4), and a few statements more, so that each form of the text stands there once.
Function small_function() {
  Builder b;
  const Value x = b.input("x", {DType::fp16, {1, 8, 1, 4}});
  const Value mask = b.input("mask", {DType::fp32, {}});
  const Value q = conv(x, b.weight("wq", {DType::fp16, {8, 8, 1, 1}})) * 0.1875;
  const Value pair = b.constant(
      Tensor::from_numbers({DType::fp16, {1, 2, 1, 2}}, std::vector<double>{1, -0.0, 0x1p-24, -INFINITY}), "pair");
  b.output("probs", softmax(concat({slice(q, 1, 0, 2), slice(q, 1, 6, 2)}, 1), -1));
  b.output("paired", b.apply("sub", {{"y", pair}, {"x", slice(slice(q, 1, 1, 2), 3, 0, 2)}}));
  b.output("wide", cast(q, DType::fp32) + mask);
  return *b.finish();
}

std::string literal(const Tensor& tensor) {
  Builder b;
  const Value x = b.input("x", {DType::fp16, {1}});
  b.output("y", x);
  b.constant(tensor, "c");
  const std::string text = print(*b.finish());
  const size_t begin = text.find("val = ") + 6;
  return text.substr(begin, text.find(")];\n", begin) + 1 - begin);
}

std::string row_literal(DType dtype, const std::vector<double>& values) {
  return literal(Tensor::from_numbers({dtype, {static_cast<int64_t>(values.size())}}, values));
}

TEST(Printer, AFunctionEqualsItsGoldenText) {
  const std::string golden = *read_text(ANEMONE_SOURCE_DIR "/tests/golden/small_function.mil");
  EXPECT_EQ(print(small_function()), golden);
}

TEST(Printer, AProgramHoldsItsVersionAttributesAndFunctions) {
  Program program{.version = "1.0", .attributes = {}, .functions = {}};
  EXPECT_EQ(print(program), "program(1.0)\n{\n}\n");
  program.attributes = {{"b", "fp64(1)"}, {"a", "dict<string, string>({})"}};
  EXPECT_EQ(print(program), "program(1.0)\n[a = dict<string, string>({}), b = fp64(1)]\n{\n}\n");
  Builder first("first"), second("second", "ios17");
  first.output("y", sigmoid(first.input("x", {DType::fp16, {2}})));
  second.output("y", sigmoid(second.input("x", {DType::fp16, {2}})));
  program.functions = {*first.finish(), *second.finish()};
  EXPECT_THAT(print(program), HasSubstr("    func first<ios18>(tensor<fp16, [2]> x) {\n"));
  EXPECT_THAT(print(program), HasSubstr("        } -> (y);\n    func second<ios17>(tensor<fp16, [2]> x) {\n"));
}

TEST(Printer, LiteralsNestByRank) {
  EXPECT_EQ(literal(Tensor::from_numbers({DType::int32, {2, 1, 3}}, std::vector<double>{1, 2, 3, 4, 5, 6})),
            "tensor<int32, [2, 1, 3]>([[[1, 2, 3]], [[4, 5, 6]]])");
  EXPECT_EQ(literal(Tensor::ints({})), "tensor<int32, [0]>([])");
  EXPECT_EQ(literal(Tensor::integer(-7)), "int32(-7)");
  EXPECT_EQ(literal(Tensor::boolean(true)), "bool(true)");
  EXPECT_EQ(row_literal(DType::boolean, {1, 0}), "tensor<bool, [2]>([true, false])");
  EXPECT_EQ(row_literal(DType::int4, {-8, 7, 0}), "tensor<int4, [3]>([-8, 7, 0])");
  EXPECT_EQ(row_literal(DType::uint3, {7, 0}), "tensor<uint3, [2]>([7, 0])");
  EXPECT_EQ(row_literal(DType::uint32, {4294967295.0}), "tensor<uint32, [1]>([4294967295])");
}

TEST(Printer, SixtyFourBitIntegersAreExact) {
  const auto wide = [](DType dtype, int64_t value) {
    const auto bytes = std::as_bytes(std::span(&value, 1));
    return literal(Tensor::own({dtype, {}}, {bytes.begin(), bytes.end()}));
  };
  EXPECT_EQ(wide(DType::int64, INT64_MAX), "int64(9223372036854775807)");
  EXPECT_EQ(wide(DType::int64, INT64_MIN), "int64(-9223372036854775808)");
  EXPECT_EQ(wide(DType::uint64, -1), "uint64(18446744073709551615)");
}

TEST(Printer, FloatsAreShortestExactHexadecimal) {
  EXPECT_EQ(row_literal(DType::fp16, {0.1875, 0, -0.0, 1, -2, 65504, 0x1p-24}),
            "tensor<fp16, [7]>([0x1.8p-3, 0x0p+0, -0x0p+0, 0x1p+0, -0x1p+1, 0x1.ffcp+15, 0x1p-24])");
  EXPECT_EQ(row_literal(DType::fp16, {INFINITY, -INFINITY, NAN, -NAN}), "tensor<fp16, [4]>([inf, -inf, nan, nan])");
  EXPECT_EQ(row_literal(DType::fp32, {0.1, 0x1p-149}), "tensor<fp32, [2]>([0x1.99999ap-4, 0x1p-149])");
  EXPECT_EQ(row_literal(DType::bf16, {1.5}), "tensor<bf16, [1]>([0x1.8p+0])");
  EXPECT_EQ(row_literal(DType::fp64, {0.1}), "tensor<fp64, [1]>([0x1.999999999999ap-4])");
}

TEST(Printer, EveryHalfComesBackBitForBit) {
  std::vector<double> halves;
  for (uint32_t bits = 0; bits < 0x10000; ++bits) {
    const double value = Half{static_cast<uint16_t>(bits)}.value();
    if (!std::isnan(value)) halves.push_back(value);
  }
  const std::string text = row_literal(DType::fp16, halves);
  const char* at = text.c_str() + text.find("([") + 2;
  for (double half : halves) {
    char* end = nullptr;
    const double back = std::strtod(at, &end);
    ASSERT_EQ(Half::from(back).bits, Half::from(half).bits) << half;
    at = end + 2;  // past ", "
  }
}

TEST(Printer, StringsAreEscaped) {
  EXPECT_EQ(literal(Tensor::text("a \"b\"\\\n\t\r")), R"(string("a \"b\"\\\n\t\r"))");
  EXPECT_EQ(literal(Tensor::text("")), R"(string(""))");
}

TEST(FunctionEquality, IgnoresNumberingAndTheOrderOfArguments) {
  Builder a, b;
  const Value xa = a.input("x", {DType::fp16, {2}});
  const Value ca = a.constant(Tensor::scalar(DType::fp16, 2), "c");
  a.output("y", a.apply("sub", {{"x", xa}, {"y", ca}}));
  const Value cb = b.constant(Tensor::scalar(DType::fp16, 2), "c");
  const Value xb = b.input("x", {DType::fp16, {2}});
  b.output("y", b.apply("sub", {{"y", cb}, {"x", xb}}));
  EXPECT_EQ(*a.finish(), *b.finish());
}

TEST(FunctionEquality, SeesEveryDifference) {
  const Function f = small_function();
  EXPECT_EQ(f, small_function());
  const auto changed = [&](const auto& change) {
    Function g = f;
    change(g);
    return !(g == f);
  };
  EXPECT_TRUE(changed([](Function& g) { g.name = "other"; }));
  EXPECT_TRUE(changed([](Function& g) { g.opset = "ios17"; }));
  EXPECT_TRUE(changed([](Function& g) { g.operations.pop_back(); }));
  EXPECT_TRUE(changed([](Function& g) { std::swap(g.outputs[0], g.outputs[2]); }));
  EXPECT_TRUE(changed([](Function& g) { g.operations.back().op = find_op("mul"); }));
  EXPECT_TRUE(changed([](Function& g) { g.operations.back().name = "sum"; }));
  EXPECT_TRUE(changed([](Function& g) {
    std::swap(g.operations.back().arguments[0].values, g.operations.back().arguments[1].values);
  }));
  EXPECT_TRUE(changed([](Function& g) { g.values[0].name = "z"; }));
  EXPECT_TRUE(changed([](Function& g) { g.values[0].type.dtype = DType::fp32; }));
  EXPECT_TRUE(changed([](Function& g) {
    for (ValueInfo& value : g.values) {
      if (value.blob) value.blob->offset = 128;
    }
  }));
  EXPECT_TRUE(changed([](Function& g) {
    for (ValueInfo& value : g.values) {
      if (value.constant && value.type == TensorType{DType::fp16, {}}) value.constant = Tensor::scalar(DType::fp16, 9);
    }
  }));
}

}  // namespace
}  // namespace anemone::mil
