#include "model/config.h"

#include <gmock/gmock.h>

#include <fstream>

namespace anemone::model {
namespace {

using testing::HasSubstr;

constexpr std::string_view kSmall =
    R"({"name": "small", "layers": 2, "dim": 16, "hidden": 24, "heads": 4, "kv_heads": 2, "head_dim": 4, "vocab": 32,
        "seq": 8})";

std::string replaced(std::string_view what, std::string_view with) {
  std::string text(kSmall);
  const size_t at = text.find(what);
  EXPECT_NE(at, std::string::npos) << what;
  return text.replace(at, what.size(), with);
}

TEST(Config, BuiltInOnesAreValidAndSurviveJson) {
  for (const std::string& name : config_names()) {
    const Result<Config> config = find_config(name);
    ASSERT_TRUE(config);
    EXPECT_TRUE(validate(*config)) << name;
    EXPECT_EQ(config_from_json(to_json(*config), name), *config);
  }
}

// The seed's totals, the length of llama2.c's stories260K.bin, and the rest worked from the published shapes by hand:
// V·D + L·(2·D + 4·D² + 3·D·H) + D for as many key/value heads as heads.
TEST(Config, CountsParametersAsPublished) {
  EXPECT_EQ(find_config("stories110m")->parameter_count(), 109529856);
  EXPECT_EQ(find_config("stories260k")->parameter_count(), 260032);
  EXPECT_EQ(find_config("stories15m")->parameter_count(), 15191712);
  EXPECT_EQ(find_config("stories42m")->parameter_count(), 41689600);
  // The seed's Qwen3-0.6B has 596,042,752: without the q and k norms, two of 128 in each of 28 layers.
  EXPECT_EQ(find_config("qwen3-0.6b")->parameter_count(), 596042752 + 28 * 2 * 128);
}

TEST(Config, LeavesOptionalFieldsToTheirDefaults) {
  const Result<Config> config = config_from_json(kSmall, "small.json");
  ASSERT_TRUE(config) << config.error().message;
  EXPECT_EQ(config->group(), 2);
  EXPECT_EQ(config->rope, Rope::interleaved);
  EXPECT_EQ(config->rope_theta, 10000);
  EXPECT_TRUE(config->tied);
}

TEST(Config, RefusesHostileJsonWithOneSentence) {
  const std::pair<std::string, const char*> cases[] = {
      {"", "small.json is not valid JSON"},
      {"[]", "small.json is not a JSON object"},
      {std::string(200000, '['), "nested more than 100 levels deep"},
      {replaced("\"seq\": 8", "\"seq\": 8, \"colour\": 1"), "unknown field \"colour\""},
      {replaced("\"seq\": 8", "\"seq\": 8, \"dim\": 32"), "the key \"dim\" twice"},
      {replaced(",\n        \"seq\": 8", ""), "small.json lacks the field \"seq\""},
      {replaced("\"dim\": 16", "\"dim\": \"16\""), "\"dim\" must be a whole number"},
      {replaced("\"dim\": 16", "\"dim\": 16.0"), "\"dim\" must be a whole number"},
      {replaced("\"dim\": 16", "\"dim\": null"), "\"dim\" must be a whole number"},
      {replaced("\"dim\": 16", "\"dim\": 18446744073709551615"), "\"dim\" must be a whole number"},
      {replaced("\"dim\": 16", "\"dim\": 9223372036854775807"), "dim is 9223372036854775807: give one from 1 to"},
      {replaced("\"dim\": 16", "\"dim\": -16"), "dim is -16: give one from 1 to"},
      {replaced("\"layers\": 2", "\"layers\": 1000000"), "layers is 1000000"},
      {replaced("\"layers\": 2", "\"layers\": 0"), "layers is 0"},
      {replaced("\"kv_heads\": 2", "\"kv_heads\": 3"), "kv_heads 3 does not divide heads 4"},
      {replaced("\"head_dim\": 4", "\"head_dim\": 5"), "head_dim 5 is odd"},
      {replaced("\"head_dim\": 4", "\"head_dim\": 4194304"), "heads times head_dim is 16777216"},
      {replaced("\"dim\": 16, \"hidden\": 24", "\"dim\": 4194304, \"hidden\": 4194304"), "parameters: at most"},
      {replaced("\"seq\": 8", "\"seq\": 8, \"rope\": \"both\""), "\"rope\" must be \"none\""},
      {replaced("\"seq\": 8", "\"seq\": 8, \"rope\": 1"), "\"rope\" must be \"none\""},
      {replaced("\"seq\": 8", "\"seq\": 8, \"tied\": 1"), "\"tied\" must be true or false"},
      {replaced("\"seq\": 8", "\"seq\": 8, \"norm_eps\": 0"), "norm_eps is 0"},
      {replaced("\"seq\": 8", "\"seq\": 8, \"rope_theta\": 1e999"), "not valid JSON"},
      {replaced("\"small\"", "7"), "\"name\" must be text"},
  };
  for (const auto& [text, message] : cases) {
    const Result<Config> config = config_from_json(text, "small.json");
    ASSERT_FALSE(config) << text;
    EXPECT_THAT(config.error().message, HasSubstr(message));
    EXPECT_THAT(config.error().message, testing::Not(HasSubstr("\n")));
  }
}

TEST(Config, IsFoundByNameOrByPath) {
  const std::string path = testing::TempDir() + "small.json";
  std::ofstream(path) << kSmall;
  const Result<Config> config = find_config(path);
  ASSERT_TRUE(config) << config.error().message;
  EXPECT_EQ(config->name, "small");

  EXPECT_THAT(find_config("stories111m").error().message,
              HasSubstr("no configuration \"stories111m\": give one of tiny, stories260k"));
  EXPECT_THAT(find_config("missing/config.json").error().message, HasSubstr("cannot open missing/config.json"));
}

}  // namespace
}  // namespace anemone::model
