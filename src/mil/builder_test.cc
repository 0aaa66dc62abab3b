#include "mil/builder.h"

#include <gmock/gmock.h>

#include <set>

namespace anemone::mil {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

const TensorType kHalves{DType::fp16, {1, 4, 1, 2}};

std::vector<std::string> names(const Function& function, const std::vector<ValueId>& ids) {
  std::vector<std::string> names;
  for (ValueId id : ids) names.push_back(function.value(id).name);
  return names;
}

std::string error_of(Builder& b) {
  const Result<Function> function = b.finish();
  return function ? "" : function.error().message;
}

TEST(Builder, WritesAFormulaInOrder) {
  Builder b("forward", "ios17");
  const Value x = b.input("x", kHalves);
  b.output("y", sigmoid(x) * x);
  const Function f = *b.finish();
  EXPECT_EQ(f.name, "forward");
  EXPECT_EQ(f.opset, "ios17");
  EXPECT_THAT(names(f, f.inputs), ElementsAre("x"));
  EXPECT_THAT(names(f, f.outputs), ElementsAre("y"));
  ASSERT_EQ(f.operations.size(), 2u);
  EXPECT_EQ(f.operations[0].op->name, "sigmoid");
  EXPECT_EQ(f.operations[1].op->name, "mul");
  EXPECT_EQ(f.value(f.outputs[0]).type, kHalves);
}

TEST(Builder, TheFirstErrorSticks) {
  Builder b;
  const Value x = b.input("x", kHalves);
  const Value wrong = softmax(x, 9);
  b.output("y", matmul(wrong * 2.0 + x, wrong));
  b.reject({"later"});
  EXPECT_FALSE(b.ok());
  EXPECT_EQ(error_of(b), "softmax: axis 9 is out of range for rank 4");
}

TEST(Builder, AFunctionWithoutOutputIsRefused) {
  Builder b("empty");
  b.input("x", kHalves);
  EXPECT_EQ(error_of(b), "function empty has no output");
}

TEST(Builder, NamesAreUniqueIdentifiers) {
  Builder b;
  Value x = b.input("add", kHalves);
  for (const char* name : {"layers.0.w", "layers_0_w", "0"}) x = x + b.weight(name, {DType::fp16, {1}});
  b.output("y", x);
  const Function f = *b.finish();
  std::set<std::string> seen;
  for (const ValueInfo& value : f.values) {
    EXPECT_TRUE(seen.insert(value.name).second) << value.name;
    EXPECT_EQ(value.name.find_first_not_of("abcdefghijklmnopqrstuvwxyz_0123456789"), std::string::npos) << value.name;
  }
  EXPECT_TRUE(seen.contains("layers_0_w") && seen.contains("layers_0_w_1") && seen.contains("_0"));
}

TEST(Builder, InputsAndOutputsKeepTheirNamesOrAreRefused) {
  for (const char* name : {"", "x.y", "0x", "a b", "@x"}) {
    Builder b;
    b.input(name, kHalves);
    EXPECT_THAT(error_of(b), HasSubstr("a name is letters, digits and _")) << name;
    Builder c;
    c.output(name, sigmoid(c.input("x", kHalves)));
    EXPECT_THAT(error_of(c), HasSubstr("a name is letters")) << name;
  }
  Builder b;
  b.input("x", kHalves);
  b.input("x", kHalves);
  EXPECT_EQ(error_of(b), "input x: the name is taken");
}

TEST(Builder, AnOutputCannotTakeTheNameOfAnotherValue) {
  Builder b;
  const Value y = sigmoid(b.input("x", kHalves));
  sigmoid(y);
  b.output("sigmoid_1_out", y);
  EXPECT_EQ(error_of(b), "output sigmoid_1_out: the name is taken");
}

TEST(Builder, AValueOfAnotherBuilderIsRefused) {
  Builder a, b;
  const Value x = a.input("x", kHalves), y = b.input("y", kHalves);
  a.output("z", x + y);
  EXPECT_EQ(error_of(a), "add: parameter y is not a value of this builder");
}

TEST(Builder, ImpossibleInputsAreRefused) {
  const auto error = [](TensorType type) {
    Builder b;
    b.input("x", std::move(type));
    return error_of(b);
  };
  EXPECT_EQ(error({DType::string, {}}), "input x: a string cannot be an input");
  EXPECT_EQ(error({DType::fp16, {2, 0}}), "input x: tensor<fp16, [2, 0]> has no elements");
  EXPECT_THAT(error({DType::fp16, {-4}}), HasSubstr("dimension out of range"));
  Builder b;
  b.weight("w", {DType::fp16, {1 << 30, 1 << 30, 1 << 30}});
  EXPECT_THAT(error_of(b), HasSubstr("weight w: "));
}

TEST(Builder, EqualConstantsAreWrittenOnce) {
  Builder b;
  const Value x = b.input("x", kHalves);
  const Value p = x * 0.5, q = p * 0.5, r = q * 0.25;
  b.output("y", softmax(softmax(r, 1), 1));
  const Function f = *b.finish();
  const auto is_const = [](const Operation& operation) { return operation.op->name == "const"; };
  EXPECT_EQ(std::ranges::count_if(f.operations, is_const), 3);  // 0.5, 0.25, the axis
}

TEST(Builder, ANumberTakesTheOtherOperandsType) {
  Builder b;
  const Value x = b.input("x", {DType::fp32, {1}}), n = b.input("n", {DType::int32, {1}});
  EXPECT_EQ((2.0 - x).dtype(), DType::fp32);
  EXPECT_EQ((n + 1.0).dtype(), DType::int32);
  EXPECT_TRUE(b.ok());
}

TEST(Builder, AWeightRefersToItsOwnFile) {
  Builder b;
  const Value w = b.weight("wq", kHalves);
  b.output("y", b.input("x", kHalves) + w);
  const Function f = *b.finish();
  EXPECT_EQ(f.value(w.id()).blob, (BlobReference{"@model_path/weights/wq.bin", 64}));
  EXPECT_FALSE(f.value(w.id()).constant);
}

TEST(Builder, AnOutputThatHasAPublicNameOrIsConstantIsCopied) {
  Builder b;
  const Value x = b.input("x", kHalves);
  const Value y = sigmoid(x);
  b.output("same", x);
  b.output("y", y);
  b.output("again", y);
  b.output("fixed", b.constant(Tensor::integer(1)));
  const Function f = *b.finish();
  EXPECT_THAT(names(f, f.inputs), ElementsAre("x"));
  EXPECT_THAT(names(f, f.outputs), ElementsAre("same", "y", "again", "fixed"));
  EXPECT_EQ(std::set(f.outputs.begin(), f.outputs.end()).size(), 4u);
}

TEST(Builder, FormulasInferTheirShapes) {
  Builder b;
  const Value x = b.input("x", {DType::fp16, {1, 6, 1, 4}});
  EXPECT_EQ(conv(x, b.weight("w", {DType::fp16, {5, 6, 1, 1}})).shape(), (Shape{1, 5, 1, 4}));
  EXPECT_EQ(matmul(transpose(x, {0, 2, 3, 1}), reshape(x, {1, 1, 6, 4})).shape(), (Shape{1, 1, 4, 4}));
  EXPECT_EQ(matmul_nt(reshape(x, {2, 3, 4}), reshape(x, {2, 3, 4})).shape(), (Shape{2, 3, 3}));
  EXPECT_EQ(matmul_tn(reshape(x, {2, 3, 4}), reshape(x, {2, 3, 4})).shape(), (Shape{2, 4, 4}));
  EXPECT_EQ(slice(x, 1, 2, 3).shape(), (Shape{1, 3, 1, 4}));
  EXPECT_EQ(concat({x, x}, 1).shape(), (Shape{1, 12, 1, 4}));
  EXPECT_EQ(sum(x, -1).shape(), (Shape{1, 6, 1, 1}));
  EXPECT_EQ(cast(x, DType::fp32).dtype(), DType::fp32);
  EXPECT_EQ(cast(x, DType::fp16).id(), x.id());
  EXPECT_EQ(pow(x, -0.5).shape(), x.shape());
  EXPECT_EQ(x.dim(1), 6);
  EXPECT_EQ(x.dim(7), 1);
  EXPECT_TRUE(b.ok());
  slice(x, 4, 0, 1);
  EXPECT_EQ(error_of(b), "slice: axis 4 is out of range for rank 4");
}

}  // namespace
}  // namespace anemone::mil
