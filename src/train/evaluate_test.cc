#include "train/evaluate.h"

#include <gmock/gmock.h>

#include <filesystem>
#include <numeric>

#include "base/file.h"
#include "base/json.h"
#include "model/weights_file.h"
#include "text/prepare.h"

namespace anemone::train {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::Pair;

const std::string kData = ANEMONE_SOURCE_DIR "/../shared/data/";

// PyTorch's losses of llama2.c's smallest model on the sample of TinyStories (tests/parity), in windows of 256.
class EvaluateTest : public testing::Test {
 protected:
  void SetUp() override {
    if (!std::filesystem::exists(kData + "stories260K.bin")) GTEST_SKIP() << kData << " has no stories260K.bin";
    const std::string path = ANEMONE_SOURCE_DIR "/tests/parity/stories260k.json";
    golden_ = parse_json(read_text(path).value(), path).value();
    model_.emplace(model::load_model(kData + "stories260K.bin").value());
    const auto tokenizer = text::Tokenizer::load(kData + "tok512.bin").value();
    tokens_.emplace(text::tokenize_file(kData + "tinystories_sample.txt", tokenizer).value());
  }

  // The first tokens alone.
  text::TokenFile first(int64_t count) const {
    std::vector<int32_t> ids(static_cast<size_t>(count));
    tokens_->copy(0, ids);
    return text::TokenFile::in_memory(ids, model_->config.vocab);
  }

  // Of the first `windows`, by PyTorch.
  double mean_loss(size_t windows) const {
    const auto losses = golden_["first_window_losses"].get<std::vector<double>>();
    return std::accumulate(losses.begin(), losses.begin() + std::ptrdiff_t(windows), 0.0) / double(windows);
  }

  nlohmann::json golden_;
  std::optional<model::Model> model_;
  std::optional<text::TokenFile> tokens_;
  std::unique_ptr<Device> device_ = *open_device("cpu", {.precision = Precision::fp32});
};

TEST_F(EvaluateTest, EqualsPyTorch) {
  ASSERT_EQ(tokens_->size() + 1, golden_["tokens"]) << "all but the text's last line end";
  const Evaluation result = evaluate(*device_, *model_, *tokens_, {}).value();
  EXPECT_NEAR(result.loss, golden_["loss"], 1e-5);
  EXPECT_EQ(result.windows, golden_["windows"]);
  EXPECT_EQ(result.tokens, 194 * 256);
  EXPECT_NEAR(result.perplexity(), std::exp(golden_["loss"].get<double>()), 1e-4);
}

TEST_F(EvaluateTest, SourceAndOffloadChangeNothing) {
  for (const auto source : {model::WeightSource::baked, model::WeightSource::dynamic}) {
    for (const Offload offload : {Offload::core, Offload::full}) {
      const EvaluationOptions options{.source = source, .offload = offload, .batch = 3};
      EXPECT_NEAR(evaluate(*device_, *model_, first(3 * 256 + 1), options)->loss, mean_loss(3), 1e-5);
    }
  }
}

// Where some probabilities are far below what a softmax's smallest term may be.
TEST_F(EvaluateTest, OffloadLosesNoLoss) {
  std::vector<int32_t> ids;
  for (int32_t i = 0; i <= 256; ++i) ids.push_back(i * 37 % 512);
  const auto nonsense = text::TokenFile::in_memory(ids, model_->config.vocab);
  const double expected = evaluate(*device_, *model_, nonsense, {})->loss;
  EXPECT_GT(expected, 10);
  EXPECT_NEAR(evaluate(*device_, *model_, nonsense, {.offload = Offload::full})->loss, expected, 1e-4);
}

TEST_F(EvaluateTest, TakesWhatIsLeftOfABatchAndDropsWhatIsLeftOfAWindow) {
  std::vector<std::pair<int64_t, int64_t>> reports;
  const auto report = [&](int64_t done, int64_t total) { reports.emplace_back(done, total); };
  const Evaluation result = evaluate(*device_, *model_, first(8 * 256), {.batch = 3}, report).value();
  EXPECT_NEAR(result.loss, mean_loss(7), 1e-5) << "the eighth lacks its last target";
  EXPECT_THAT(reports, ElementsAre(Pair(3, 7), Pair(6, 7), Pair(7, 7)));
}

TEST_F(EvaluateTest, HalvesComeClose) {
  const auto device = open_device("cpu", {.precision = Precision::fp16}).value();
  const EvaluationOptions options{.precision = Precision::fp16};
  EXPECT_NEAR(evaluate(*device, *model_, first(257), options)->loss, mean_loss(1), 1e-2);
}

TEST_F(EvaluateTest, RefusesTooFewTokens) {
  EXPECT_THAT(evaluate(*device_, *model_, first(256), {}).error().message,
              HasSubstr("holds 256 tokens, too few for a window of 256 and its last target"));
}

TEST_F(EvaluateTest, RefusesALossThatIsNoNumber) {
  model_->weights.final_norm()[0] = NAN;
  EXPECT_THAT(evaluate(*device_, *model_, first(257), {}).error().message, HasSubstr("on tokens 0 to 256"));
}

}  // namespace
}  // namespace anemone::train
