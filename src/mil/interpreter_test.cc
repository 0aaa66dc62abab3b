#include "mil/interpreter.h"

#include <gmock/gmock.h>

#include "mil/builder.h"

namespace anemone::mil {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

Array row(DType dtype, const std::vector<double>& values) {
  Array array;
  array.type = {dtype, {static_cast<int64_t>(values.size())}};
  array.data = values;
  return array;
}

Array halves(const std::vector<double>& values) { return row(DType::fp16, values); }

std::vector<Array> run(Builder& b, Rounding rounding, const std::vector<Array>& inputs, const Weights& weights = {}) {
  const Function function = *b.finish();
  return (*Interpreter::create(function, weights, rounding)).run(inputs);
}

TEST(Interpreter, RoundsEachResultToItsDeclaredType) {
  for (Rounding rounding : {Rounding::declared, Rounding::none}) {
    Builder b;
    const Value x = b.input("x", {DType::fp16, {2}});
    b.output("y", (x + 1.0) - 1.0);
    const double kept = rounding == Rounding::declared ? 0 : 0x1p-12;  // 1 + 2^-12 is no half
    EXPECT_THAT(run(b, rounding, {halves({0x1p-12, 3})})[0].data, ElementsAre(kept, 3));
  }
}

TEST(Interpreter, IntegersAreWholeWhateverTheRounding) {
  for (Rounding rounding : {Rounding::declared, Rounding::none}) {
    Builder b;
    const Value x = b.input("x", {DType::int32, {1}});
    b.output("y", (x / x.builder().constant(Tensor::integer(2))) * 2.0);
    EXPECT_THAT(run(b, rounding, {row(DType::int32, {7})})[0].data, ElementsAre(6));
  }
}

TEST(Interpreter, OutputsComeInTheFunctionsOrder) {
  Builder b;
  const Value x = b.input("x", {DType::fp16, {1}}), z = b.input("z", {DType::fp16, {1}});
  b.output("second", z * 2.0);
  b.output("first", x);
  const std::vector<Array> outputs = run(b, Rounding::declared, {halves({5}), halves({7})});
  EXPECT_THAT(outputs[0].data, ElementsAre(14));
  EXPECT_THAT(outputs[1].data, ElementsAre(5));
}

TEST(Interpreter, TakesWeightsByReferenceAndChecksThem) {
  Builder b;
  const Value x = b.input("x", {DType::fp16, {1}});
  b.output("y", x * b.weight("w", {DType::fp16, {1}}));
  const Function function = *b.finish();
  EXPECT_EQ(Interpreter::create(function, {}, Rounding::declared).error().message,
            "weight @model_path/weights/w.bin at offset 64 is missing");
  Weights weights;
  weights.set(weight_file("w"), Tensor::scalar(DType::fp16, 3));
  EXPECT_THAT(Interpreter::create(function, weights, Rounding::declared).error().message,
              HasSubstr("is fp16, but the program declares tensor<fp16, [1]>"));
  weights.set(weight_file("w"), Tensor::from_numbers({DType::fp16, {1}}, std::vector<double>{3}));
  const Interpreter interpreter = *Interpreter::create(function, weights, Rounding::declared);
  EXPECT_THAT(interpreter.run(std::vector{halves({5})})[0].data, ElementsAre(15));
}

TEST(Interpreter, ArraysAndTensorsConvertBothWays) {
  const Tensor tensor = Tensor::from_numbers({DType::int4, {3}}, std::vector<double>{-8, 0, 7});
  EXPECT_EQ(to_tensor(to_array(tensor)), tensor);
  EXPECT_THAT(to_tensor(halves({2049})).numbers(), ElementsAre(2048));
}

}  // namespace
}  // namespace anemone::mil
