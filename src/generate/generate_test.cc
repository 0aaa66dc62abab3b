#include "generate/generate.h"

#include <gmock/gmock.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <utility>

#include "base/file.h"
#include "base/json.h"
#include "generate/predictor.h"
#include "model/weights_file.h"

namespace anemone::generate {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::StartsWith;

const std::string kData = ANEMONE_SOURCE_DIR "/../shared/data/";
constexpr const char* kPrompt = "Once upon a time";

// The likeliest token by PyTorch (tests/parity), for llama2.c's smallest model.
nlohmann::json golden() {
  const std::string path = ANEMONE_SOURCE_DIR "/tests/parity/stories260k.json";
  return parse_json(read_text(path).value(), path).value();
}

class GenerateTest : public testing::Test {
 protected:
  void SetUp() override {
    if (!std::filesystem::exists(kData + "stories260K.bin")) GTEST_SKIP() << kData << " has no stories260K.bin";
    model_.emplace(model::load_model(kData + "stories260K.bin").value());
    tokenizer_.emplace(text::Tokenizer::load(kData + "tok512.bin").value());
  }

  Result<Generated> tell(const GenerateOptions& options, std::string_view prompt = kPrompt,
                         const std::string& device = "cpu") {
    const Precision precision = options.dtype == mil::DType::fp32 ? Precision::fp32 : Precision::fp16;
    const auto opened = open_device(device, {.precision = precision}).value();
    text_.clear();
    return generate(*opened, *model_, *tokenizer_, prompt, options, [&](std::string_view more) -> Result<> {
      text_ += more;
      return {};
    });
  }

  std::optional<model::Model> model_;
  std::optional<text::Tokenizer> tokenizer_;
  std::string text_;
};

constexpr SamplingOptions kGreedy{.temperature = 0};

TEST_F(GenerateTest, TellsWordForWordWhatPyTorchFindsLikeliest) {
  const nlohmann::json expected = golden();
  const auto tokens = expected["greedy_tokens"].get<std::vector<int32_t>>();
  const Generated told = tell({.steps = std::ssize(tokens) - 1, .sampling = kGreedy}).value();
  EXPECT_EQ(told.tokens, tokens);
  EXPECT_EQ(text_, expected["greedy_text"].get<std::string>());
  EXPECT_EQ(told.prompt_tokens, 5);
  EXPECT_FALSE(told.ended);
}

TEST_F(GenerateTest, TellsTheSameOnRef) {
  const auto tokens = golden()["greedy_tokens"].get<std::vector<int32_t>>();
  constexpr int64_t kSteps = 24;
  const Generated told = tell({.steps = kSteps, .sampling = kGreedy}, kPrompt, "ref").value();
  EXPECT_EQ(told.tokens, std::vector(tokens.begin(), tokens.begin() + kSteps + 1));
}

// The logits after each token of a story that `ref` tells, at every precision of `cpu`: what is kept of the weights, of
// the cache and of what lies between changes them little.
TEST_F(GenerateTest, EachPrecisionExpectsWhatRefDoes) {
  const auto story = golden()["greedy_tokens"].get<std::vector<int32_t>>();
  const auto tokens = std::span(story).first(40);
  constexpr size_t kPrompt = 5;
  const auto logits = [&](const std::string& name, Precision precision) {
    const auto device = open_device(name, {.precision = precision}).value();
    const auto dtype = precision == Precision::fp16 ? mil::DType::fp16 : mil::DType::fp32;
    const auto predictor =
        Predictor::create(*device, model_->config, model_->weights, {.capacity = 41, .dtype = dtype}).value();
    std::vector<float> all;
    for (size_t read = 0, count = kPrompt; read < tokens.size(); read += std::exchange(count, 1)) {
      const std::span<const float> next = predictor->read(tokens.subspan(read, count)).value();
      all.insert(all.end(), next.begin(), next.end());
    }
    return all;
  };
  const std::vector<float> expected = logits("ref", Precision::fp32);
  const float largest = std::fabs(std::ranges::max(expected, {}, [](float x) { return std::fabs(x); }));
  const std::pair<Precision, float> tolerances[] = {
      {Precision::fp32, 1e-5f}, {Precision::fp16, 1e-2f}, {Precision::bf16, 2e-2f}};
  for (const auto& [precision, tolerance] : tolerances) {
    const std::vector<float> found = logits("cpu", precision);
    ASSERT_EQ(found.size(), expected.size());
    float error = 0;
    for (size_t i = 0; i < found.size(); ++i) error = std::max(error, std::fabs(found[i] - expected[i]));
    EXPECT_LT(error, tolerance * largest) << to_string(precision);
  }
}

TEST_F(GenerateTest, HalvesTellAStoryToo) {
  tell({.steps = 40, .sampling = kGreedy, .dtype = mil::DType::fp16}).value();
  EXPECT_THAT(text_, StartsWith("Once upon a time, there was a little girl named Lily."));
}

TEST_F(GenerateTest, StopsAtTheContext) {
  model_->config.seq = 12;
  const Generated told = tell({.steps = 100, .sampling = kGreedy}).value();
  EXPECT_EQ(told.tokens.size(), 13u) << "BOS and as many tokens as there are positions";
  EXPECT_EQ(tell({.steps = 0, .sampling = kGreedy}).value().tokens, told.tokens) << "0: as many as there can be";
}

TEST_F(GenerateTest, EndsWhereTheModelDoes) {
  const Generated told = tell({.steps = 512, .sampling = {.temperature = 1, .seed = 3}}, "The end.").value();
  EXPECT_TRUE(told.ended);
  EXPECT_LT(told.tokens.size(), 512u);
  EXPECT_EQ(std::ranges::count(told.tokens, tokenizer_->bos()), 1) << "the one at the start";
}

TEST_F(GenerateTest, BeginsWithNothing) {
  const Generated told = tell({.steps = 30}, "").value();
  EXPECT_EQ(told.prompt_tokens, 1);
  EXPECT_FALSE(text_.empty());
}

TEST_F(GenerateTest, SeedDecides) {
  const auto told = [&](uint64_t seed) { return tell({.steps = 40, .sampling = {.seed = seed}}).value().tokens; };
  EXPECT_EQ(told(1), told(1));
  EXPECT_NE(told(1), told(2));
}

TEST_F(GenerateTest, RefusesAPromptWithoutRoomForMore) {
  EXPECT_THAT(tell({.steps = 4}).error().message, HasSubstr("the prompt is 5 tokens long with BOS"));
  EXPECT_EQ(tell({.steps = 5}).value().tokens.size(), 6u);
}

TEST_F(GenerateTest, PassesOnThatTheTextCannotBeShown) {
  const auto device = open_device("cpu", {.precision = Precision::fp32}).value();
  const auto told = generate(*device, *model_, *tokenizer_, kPrompt, {},
                             [](std::string_view) -> Result<> { return fail("no paper"); });
  EXPECT_EQ(told.error().message, "no paper");
}

TEST_F(GenerateTest, RefusesWeightsThatAreNotNumbers) {
  model_->weights.final_norm()[0] = std::numeric_limits<float>::quiet_NaN();
  EXPECT_THAT(tell({}).error().message, HasSubstr("is nan: the weights are damaged"));
}

}  // namespace
}  // namespace anemone::generate
