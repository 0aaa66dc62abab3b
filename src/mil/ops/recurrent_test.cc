// The rules of lstm, gru and rnn, and their compositions.
#include <gmock/gmock.h>

#include <cmath>

#include "mil/op_testing.h"
#include "mil/rewrite.h"

namespace anemone::mil {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

// `arguments` take the place of those of the same name, or come to them.
GivenArguments with(GivenArguments all, const GivenArguments& arguments) {
  for (const auto& argument : arguments) {
    std::erase_if(all, [&](const auto& given) { return given.first == argument.first; });
    all.push_back(argument);
  }
  return all;
}

// Steps 3, batch 2, inputs 4, hidden 5.
GivenArguments layer(int64_t gates, const GivenArguments& arguments) {
  return with({{"x", zeros(DType::fp32, {3, 2, 4})},
               {"initial_h", zeros(DType::fp32, {2, 5})},
               {"weight_ih", zeros(DType::fp32, {gates * 5, 4})},
               {"weight_hh", zeros(DType::fp32, {gates * 5, 5})}},
              arguments);
}
GivenArguments lstm(const GivenArguments& arguments) {
  return with(layer(4, {{"initial_c", zeros(DType::fp32, {2, 5})}}), arguments);
}
GivenArguments bidirectional(const GivenArguments& arguments) {
  return with(lstm({{"direction", Tensor::text("bidirectional")},
                    {"initial_h", zeros(DType::fp32, {2, 10})},
                    {"initial_c", zeros(DType::fp32, {2, 10})},
                    {"weight_ih_back", zeros(DType::fp32, {20, 4})},
                    {"weight_hh_back", zeros(DType::fp32, {20, 5})}}),
              arguments);
}

TEST(Recurrent, ResultsAreAllOutputsOrTheLast) {
  const GivenArguments all{{"output_sequence", Tensor::boolean(true)}};
  EXPECT_EQ(shape("lstm", lstm({})), (Shape{1, 2, 5}));
  EXPECT_EQ(shape("lstm", lstm(all)), (Shape{3, 2, 5}));
  EXPECT_EQ(shape("lstm", bidirectional(all)), (Shape{3, 2, 10}));
  EXPECT_EQ(Call("lstm", bidirectional({})).type(2).shape, (Shape{2, 10}));
  EXPECT_EQ(Call("gru", layer(3, all)).type(1).shape, (Shape{2, 5}));
  EXPECT_EQ(shape("rnn", layer(1, all)), (Shape{3, 2, 5}));
}

TEST(Recurrent, ShapesThatDoNotFitAreNamed) {
  const auto refused = [](const char* name, const Shape& shape) {
    return error("lstm", lstm({{name, zeros(DType::fp32, shape)}}));
  };
  EXPECT_EQ(refused("weight_ih", {20, 3}), "lstm: parameter weight_ih has the shape [20, 3], expected [20, 4]");
  EXPECT_THAT(refused("weight_hh", {15, 5}), HasSubstr("weight_hh has the shape [15, 5], expected [20, 5]"));
  EXPECT_THAT(refused("weight_hh", {20}), HasSubstr("weight_hh has the shape [20], expected [4H, H]"));
  EXPECT_THAT(refused("weight_hh", {0, 0}), HasSubstr("expected [4H, H]"));
  EXPECT_THAT(refused("bias", {5}), HasSubstr("bias has the shape [5], expected [20]"));
  EXPECT_THAT(refused("peephole", {20}), HasSubstr("expected [15]"));
  EXPECT_THAT(refused("initial_h", {2, 10}), HasSubstr("expected [2, 5]"));
  EXPECT_THAT(refused("initial_c", {1, 5}), HasSubstr("expected [2, 5]"));
  EXPECT_THAT(refused("x", {2, 4}), HasSubstr("x has the shape [2, 4], expected [steps, batch, inputs]"));
  EXPECT_THAT(refused("clip", {0}), HasSubstr("clip is tensor<fp32, [0]>, expected one number"));
  EXPECT_THAT(error("lstm", lstm({{"output_sequence", zeros(DType::boolean, {0})}})), HasSubstr("expected one number"));
  EXPECT_THAT(error("gru", layer(3, {{"input_bias", zeros(DType::fp32, {5})}})), HasSubstr("input_bias"));
  EXPECT_THAT(error("lstm", bidirectional({{"bias_back", zeros(DType::fp32, {5})}})), HasSubstr("bias_back"));
  EXPECT_THAT(error("lstm", bidirectional({{"initial_h", zeros(DType::fp32, {2, 5})}})), HasSubstr("expected [2, 10]"));
}

TEST(Recurrent, WordsAreChecked) {
  const auto word = [](const char* name, const char* text) { return GivenArguments{{name, Tensor::text(text)}}; };
  EXPECT_EQ(error("gru", layer(3, word("direction", "bidirectional"))),
            "gru: direction is \"bidirectional\", expected forward or reverse");
  EXPECT_THAT(error("lstm", lstm(word("direction", "back"))), HasSubstr("expected forward, reverse or bidirectional"));
  EXPECT_EQ(error("lstm", lstm(word("direction", "bidirectional"))),
            "lstm: direction bidirectional needs weight_ih_back and weight_hh_back");
  EXPECT_THAT(error("lstm", lstm(word("cell_activation", "gelu"))), HasSubstr("cell_activation is \"gelu\""));
  EXPECT_THAT(error("rnn", layer(1, word("activation", ""))), HasSubstr("expected tanh, sigmoid"));
}

TEST(Recurrent, HalvesCameWithIos17AndTheGrusInputBiasWithIos18) {
  const GivenArguments halves{{"x", zeros(DType::fp16, {3, 2, 4})},
                              {"initial_h", zeros(DType::fp16, {2, 5})},
                              {"weight_ih", zeros(DType::fp16, {5, 4})},
                              {"weight_hh", zeros(DType::fp16, {5, 5})}};
  EXPECT_THAT(Call("rnn", halves, "ios16").error(), HasSubstr("expected fp32"));
  EXPECT_EQ(Call("rnn", halves, "ios17").error(), "");
  const GivenArguments biased = layer(3, {{"input_bias", zeros(DType::fp32, {15})}});
  EXPECT_THAT(Call("gru", biased, "ios17").error(), HasSubstr("there is no parameter input_bias"));
  EXPECT_EQ(Call("gru", biased, "ios18").error(), "");
}

// The clipped cell is what the output sees, and what the next step begins with.
TEST(Recurrent, ClipBoundsTheCell) {
  const Tensor one = Tensor::from_numbers({DType::fp32, {1, 1}}, std::vector{1.0});
  const Tensor weights = zeros(DType::fp32, {4, 1});
  const auto results = Call("lstm", {{"x", zeros(DType::fp32, {1, 1, 1})},
                                     {"initial_h", one},
                                     {"initial_c", one},
                                     {"weight_ih", weights},
                                     {"weight_hh", weights},
                                     {"activation", Tensor::text("linear")},
                                     {"clip", Tensor::scalar(DType::fp32, 0.25)}})
                           .run(Rounding::none);
  EXPECT_THAT((*results)[1].data, ElementsAre(0.125));
  EXPECT_THAT((*results)[2].data, ElementsAre(0.25));
}

TEST(Recurrent, CompositionsGiveWhatTheReferenceGives) {
  for (const GoldenCase& golden : golden_cases("recurrent")) {
    const Call call(golden.op, golden.arguments, golden.opset);
    const auto composed = expand(
        *call.function(), [&](const OpDef& op) { return op.name == golden.op; }, Arithmetic::fp32);
    ASSERT_TRUE(composed) << golden.text << composed.error().message;
    const std::vector<Array> results = (*Interpreter::create(*composed, {}, Rounding::none)).run(call.inputs());
    for (size_t r = 0; r < results.size(); ++r) {
      EXPECT_EQ(results[r].type, golden.types[r]) << golden.text;
      // Constants of the composition, such as 0.2, are fp32's.
      EXPECT_THAT(results[r].data, testing::Pointwise(testing::DoubleNear(1e-6), golden.results[r].numbers()))
          << golden.text;
    }
  }
}

}  // namespace
}  // namespace anemone::mil
