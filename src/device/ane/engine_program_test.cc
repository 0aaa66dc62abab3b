#include "device/ane/engine_program.h"

#include <gmock/gmock.h>

#include "mil/blob.h"
#include "mil/builder.h"
#include "mil/parser.h"

namespace anemone::ane {
namespace {

using mil::DType;
using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;

auto port(size_t index, size_t bytes) {
  return AllOf(testing::Field(&EnginePort::index, index), testing::Field(&EnginePort::bytes, bytes));
}

TEST(EngineProgram, SortsPortsBySizeAndNamesThemSo) {
  mil::Builder b;
  const mil::Value z = b.input("z", {DType::fp16, {1, 64}});
  const mil::Value a = b.input("a", {DType::fp16, {1, 32}});
  b.output("p", a * 2.0);
  b.output("q", z * 2.0);
  const EngineProgram program = engine_program(b.finish().value(), {}).value();
  EXPECT_THAT(program.inputs, ElementsAre(port(1, 64), port(0, 128)));
  EXPECT_THAT(program.outputs, ElementsAre(port(1, 128), port(0, 64)));
  EXPECT_THAT(program.text,
              HasSubstr("func main<ios18>(tensor<fp16, [1, 32]> in000_a, tensor<fp16, [1, 64]> in001_z)"));
  EXPECT_THAT(program.text, HasSubstr("} -> (out000_q, out001_p);"));
}

// By what the text declares: x has fewer bytes than z, but needs more to fill its rows.
TEST(EngineProgram, WidensRowsBeforeItSorts) {
  mil::Builder b;
  const mil::Value x = b.input("x", {DType::fp16, {1, 41, 1, 7}});
  const mil::Value z = b.input("z", {DType::fp16, {1, 40, 1, 8}});
  b.output("y", z * 2.0);
  b.output("p", x * 2.0);
  const EngineProgram program = engine_program(b.finish().value(), {}).value();
  EXPECT_THAT(program.inputs, ElementsAre(port(1, 640), port(0, 574)));
  EXPECT_EQ(program.inputs[0].declared, 640U);
  EXPECT_EQ(program.inputs[1].declared, 64U * 7 * 2);
  EXPECT_THAT(program.text, HasSubstr("(tensor<fp16, [1, 5, 1, 64]> in000_z, tensor<fp16, [1, 7, 1, 64]> in001_x)"));
}

TEST(EngineProgram, GivesEveryBlobAFile) {
  mil::Builder b;
  const mil::TensorType type{DType::fp16, {4}};
  const mil::BlobReference second{"@model_path/weights/all.bin", 256};
  const mil::Value x = b.input("x", type);
  const mil::Value w = b.weight("w", type);
  const mil::Value v = b.weight("v", type, second);
  b.output("y", x * w + v);
  mil::Weights weights;
  weights.set(mil::weight_file("w"), mil::Tensor::from_numbers(type, std::vector{1.0, 2.0, 3.0, 4.0}));
  weights.set(second, mil::Tensor::from_numbers(type, std::vector{5.0, 6.0, 7.0, 8.0}));
  const EngineProgram program = engine_program(b.finish().value(), weights).value();
  ASSERT_EQ(program.weights.size(), 2U);
  EXPECT_EQ(program.weights[1].path, "weights/w001.bin");
  const auto file = mil::BlobFile::view("w001.bin", program.weights[1].bytes).value();
  EXPECT_TRUE(file.check());
  EXPECT_EQ(file.tensor(64, type).value().tensor.number(0), 5);
  EXPECT_THAT(program.text,
              HasSubstr(R"(BLOBFILE(path = string("@model_path/weights/w001.bin"), offset = uint64(64)))"));
}

TEST(EngineProgram, NamesConstantsWrittenInPlace) {
  const auto parsed = mil::parse(R"(program(1.3) { func f<ios18>(tensor<fp16, [32]> x) {
    tensor<fp16, [32]> y = mul(x = x, y = fp16(0x1p+1))[name = string("y")]; } -> (y); })");
  ASSERT_TRUE(parsed) << parsed.error().message;
  const EngineProgram program = engine_program(parsed->functions[0], {}).value();
  EXPECT_THAT(program.text, AllOf(HasSubstr("fp16 constant_0 = const()"), HasSubstr("y = constant_0)"),
                                  HasSubstr("func main<"), Not(HasSubstr("mul(x = in000_x, y = fp16"))));
  EXPECT_TRUE(mil::parse(program.text));
}

TEST(EngineProgram, KeyIsOfTextAndWeights) {
  mil::Builder b;
  const mil::TensorType type{DType::fp16, {1}};
  b.output("y", b.input("x", type) * b.weight("w", type));
  const mil::Function function = b.finish().value();
  const auto key = [&](double value) {
    mil::Weights weights;
    weights.set(mil::weight_file("w"), mil::Tensor::from_numbers(type, std::vector{value}));
    return engine_program(function, weights).value().key();
  };
  EXPECT_EQ(key(1), key(1));
  EXPECT_NE(key(1), key(2));
}

}  // namespace
}  // namespace anemone::ane
