#include <gmock/gmock.h>

#include "base/file.h"
#include "base/json.h"
#include "cli/command.h"
#include "model/initialize.h"
#include "model/weights_file.h"

namespace anemone::cli {
namespace {

using testing::HasSubstr;

std::string temporary(const std::string& name) { return testing::TempDir() + "anemone_cli_model_" + name; }

struct Outcome {
  std::string out, error;
};

Outcome run(std::vector<std::string> arguments) {
  CLI::App app;
  Action action;
  add_model(app, action);
  std::ranges::reverse(arguments);  // as CLI11 wants a vector
  app.parse(arguments);
  testing::internal::CaptureStdout();
  const Result<> result = action();
  return {testing::internal::GetCapturedStdout(), result ? "" : result.error().message};
}

std::string saved_tiny() {
  const model::Config config = *model::find_config("tiny");
  model::Parameters weights(config);
  model::initialize(weights, config, 1);
  std::string path = temporary("tiny.safetensors");
  EXPECT_TRUE(model::save_model(path, config, weights));
  return path;
}

TEST(ModelCommand, TellsWhatAFileHolds) {
  const std::string path = saved_tiny();
  const std::string text = run({"model", "info", path}).out;
  EXPECT_THAT(text, HasSubstr("tiny: 3 layers, dim 128"));
  EXPECT_THAT(text, HasSubstr("checksum       verified"));
  EXPECT_THAT(text, HasSubstr("layers.2.feed_forward.w2.weight          F32   [128, 384]\n"));

  const nlohmann::json json = *parse_json(run({"model", "info", path, "--json"}).out, "info");
  EXPECT_EQ(json["parameters"], model::find_config("tiny")->parameter_count());
  EXPECT_EQ(json["config"]["kv_heads"], 2);
  EXPECT_EQ(json["checksum"], "verified");
  EXPECT_EQ(json["tensors"][0],
            (nlohmann::json{{"name", "tok_embeddings.weight"}, {"dtype", "F32"}, {"shape", {1024, 128}}}));
}

TEST(ModelCommand, ConvertsThereAndBack) {
  const std::string path = saved_tiny(), bin = temporary("tiny.bin"), back = temporary("back.safetensors");
  EXPECT_THAT(run({"model", "convert", path, bin}).out, HasSubstr("tiny.bin: tiny, "));
  EXPECT_THAT(run({"model", "info", bin}).out, HasSubstr("tiny.bin: llama2.c, "));
  EXPECT_EQ(run({"model", "convert", bin, back}).error, "");
  EXPECT_TRUE(std::ranges::equal(model::load_model(path)->weights.all(), model::load_model(back)->weights.all()));
}

TEST(ModelCommand, PassesErrorsUp) {
  EXPECT_THAT(run({"model", "info", "no/such.bin"}).error, HasSubstr("cannot open no/such.bin"));
  EXPECT_THAT(run({"model", "convert", saved_tiny(), "out.pt"}).error, HasSubstr("cannot tell the format of out.pt"));
}

}  // namespace
}  // namespace anemone::cli
