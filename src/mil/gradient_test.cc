// Gradients of programs. Each op that has one is checked against finite differences, at the golden cases' operands.
#include "mil/gradient.h"

#include <gmock/gmock.h>

#include <cmath>

#include "base/random.h"
#include "mil/op_testing.h"

namespace anemone::mil {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

constexpr double kStep = 0x1p-14;
constexpr double kTolerance = 2e-5;
constexpr int64_t kMostElements = 24;  // of each operand that are moved

bool differentiable(const TensorType& type) { return type.dtype == DType::fp32 || type.dtype == DType::fp16; }

// Away from kinks and ties, which golden operands, multiples of 1/16, may sit on.
void jitter(std::vector<Array>& inputs, Random& random) {
  for (Array& input : inputs) {
    if (!differentiable(input.type)) continue;
    for (double& value : input.data) value += (random.next() - 0.5) / 64;
  }
}

// Σ r·y over the outputs, r being fixed random numbers.
class Loss {
 public:
  Loss(const Function& function, Random& random) : function_(function) {
    for (ValueId id : function.outputs) {
      const TensorType& type = function.value(id).type;
      if (!differentiable(type)) continue;
      Array& factor = factors_.emplace_back(Array{type, std::vector<double>(size_t(type.count()))});
      for (double& value : factor.data) value = random.next() + 0.5;
    }
  }

  double operator()(const std::vector<Array>& inputs) const {
    const std::vector<Array> outputs = (*Interpreter::create(function_, {}, Rounding::none)).run(inputs);
    double loss = 0;
    size_t f = 0;
    for (const Array& output : outputs) {
      if (!differentiable(output.type)) continue;
      for (size_t i = 0; i < output.data.size(); ++i) loss += factors_[f].data[i] * output.data[i];
      ++f;
    }
    return loss;
  }
  const std::vector<Array>& factors() const { return factors_; }

 private:
  const Function& function_;
  std::vector<Array> factors_;
};

void expect_finite_differences(const Function& function, std::vector<Array> inputs, const std::string& what) {
  Random random(11);
  jitter(inputs, random);
  const auto backward = gradient(function);
  ASSERT_TRUE(backward) << what << ": " << backward.error().message;
  const Loss loss(function, random);
  std::vector<Array> given = inputs;
  given.insert(given.end(), loss.factors().begin(), loss.factors().end());
  const auto interpreter = Interpreter::create(*backward, {}, Rounding::none);
  ASSERT_TRUE(interpreter) << what;
  const std::vector<Array> gradients = interpreter->run(given);
  size_t g = 0;
  for (Array& input : inputs) {
    if (!differentiable(input.type)) continue;
    const std::vector<double>& d = gradients.at(g++).data;
    ASSERT_EQ(d.size(), input.data.size()) << what;
    const auto size = int64_t(d.size());
    for (int64_t n = 0; n < std::min(size, kMostElements); ++n) {
      const auto i = size_t(size <= kMostElements ? n : int64_t(random.below(uint64_t(size))));
      const double at = input.data[i];
      input.data[i] = at + kStep;
      const double above = loss(inputs);
      input.data[i] = at - kStep;
      const double below = loss(inputs);
      input.data[i] = at;
      const double expected = (above - below) / (2 * kStep);
      ASSERT_NEAR(d[i], expected, kTolerance * std::max(1.0, std::fabs(expected)))
          << "element " << i << " of gradient " << g << " of " << what;
    }
  }
}

TEST(Gradient, OfEachOpEqualsFiniteDifferences) {
  for (const GoldenCase& golden : golden_cases()) {
    const OpDef* op = find_op(golden.op, *parse_opset(golden.opset));
    if (!op->gradient && !op->compose) continue;
    const Call call(golden.op, golden.arguments, golden.opset);
    ASSERT_TRUE(call.function()) << golden.text;
    const Function& function = *call.function();
    const auto has_floats = [&](const std::vector<ValueId>& ids) {
      return std::ranges::any_of(ids, [&](ValueId id) { return differentiable(function.value(id).type); });
    };
    if (!has_floats(function.inputs) || !has_floats(function.outputs)) continue;
    expect_finite_differences(function, call.inputs(), golden.text);
    if (HasFatalFailure()) return;
  }
}

TEST(Gradient, OfAProgramGoesThroughEveryUseOfAValue) {
  Builder b;
  const Value x = b.input("x", {DType::fp32, {2, 3}}), y = b.input("y", {DType::fp32, {3}});
  const Value z = x * y + x * 2.0;
  b.output("p", z * z);
  b.output("q", sum(z * x, 0));
  const Function function = *b.finish();
  expect_finite_differences(function, {{{DType::fp32, {2, 3}}, {1, 2, 3, 4, 5, 6}}, {{DType::fp32, {3}}, {1, -1, 2}}},
                            "program");
}

TEST(Gradient, OfAConstantIsGivenByName) {
  Builder b;
  const Value x = b.input("x", {DType::fp32, {2}});
  b.output("y", x * b.constant(row(DType::fp32, {3, 5}), "w"));
  const auto written = gradient(*b.finish(), {.with_respect_to = {"w"}});
  ASSERT_TRUE(written) << written.error().message;
  const Function& backward = *written;
  const auto outputs = (*Interpreter::create(backward, {}, Rounding::none))
                           .run({{{DType::fp32, {2}}, {2, 7}}, {{DType::fp32, {2}}, {1, 10}}});
  EXPECT_EQ(backward.value(backward.outputs[0]).name, "dw");
  EXPECT_THAT(outputs[0].data, ElementsAre(2, 70));
}

// A weight is a constant though its file is not loaded: conv_transpose takes it.
TEST(Gradient, OfAConvolutionTransposesAWeightThatIsNotAtHand) {
  Builder b;
  const Value w = b.weight("w", {DType::fp16, {4, 3, 1, 2}}, {.path = "@model_path/weights/w.bin"});
  b.output("y", b.apply("conv", {{"x", b.input("x", {DType::fp16, {1, 3, 1, 5}})}, {"weight", w}}));
  const Function backward = *gradient(*b.finish());
  EXPECT_EQ(std::ranges::count(backward.operations, "conv_transpose", [](const Operation& o) { return o.op->name; }),
            1);
}

TEST(Gradient, IsZeroWhereNothingFlowsBack) {
  Builder b;
  const Value x = b.input("x", {DType::fp32, {2}});
  b.input("unused", {DType::fp32, {1}});
  b.output("y", x * 1.0);
  const auto written = gradient(*b.finish());
  ASSERT_TRUE(written) << written.error().message;
  const Function& backward = *written;
  const auto outputs =
      (*Interpreter::create(backward, {}, Rounding::none))
          .run({{{DType::fp32, {2}}, {2, 7}}, {{DType::fp32, {1}}, {1}}, {{DType::fp32, {2}}, {3, 4}}});
  EXPECT_THAT(outputs[0].data, ElementsAre(3, 4));
  EXPECT_THAT(outputs[1].data, ElementsAre(0));
}

TEST(Gradient, SaysWhatItCannotDo) {
  Builder b;
  const Value x = b.input("x", {DType::fp32, {2}}), n = b.input("n", {DType::int32, {2}});
  b.output("y", x * 1.0);
  b.output("m", n + n);
  const Function function = *b.finish();
  EXPECT_THAT(gradient(function, {.with_respect_to = {"z"}}).error().message, HasSubstr("has no value z"));
  EXPECT_THAT(gradient(function, {.with_respect_to = {"n"}}).error().message, HasSubstr("n is tensor<int32, [2]>"));
  Builder c;
  const Value state = c.input("s", {.dtype = DType::fp32, .shape = {2}, .state = true});
  const Value y = c.input("x", {DType::fp32, {2}}) * 2.0;
  c.apply_all("write_state", {{"input", state}, {"data", y}});
  c.output("y", y);
  EXPECT_THAT(gradient(*c.finish()).error().message, HasSubstr("differentiate a function without write_state"));
}

}  // namespace
}  // namespace anemone::mil
