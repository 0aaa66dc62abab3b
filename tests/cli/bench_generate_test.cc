// `anemone bench generate` as people run it.
#include <gtest/gtest.h>

#include <fstream>

#include "base/json.h"
#include "process.h"
#include "train/trainer_testing.h"

namespace anemone::cli {
namespace {

class BenchGenerateCommand : public testing::Test {
 protected:
  BenchGenerateCommand() { std::ofstream(folder_ + "small.json") << model::to_json(train::small_config()); }

  Outcome bench(Arguments arguments) {
    arguments.insert(arguments.begin(), {"bench", "generate", "--config", "small.json", "--tokens", "3"});
    return run(arguments, folder_);
  }

  std::string folder_ = train::fresh_folder();
};

TEST_F(BenchGenerateCommand, PrintsATable) {
  const Outcome outcome = bench({"--precision", "bf16"});
  EXPECT_EQ(outcome.code, 0) << outcome.err;
  for (const char* text : {"at bf16", "a token (median)", "tokens/s", "fraction of bandwidth"}) {
    EXPECT_NE(outcome.out.find(text), std::string::npos) << text << "\n" << outcome.out;
  }
}

TEST_F(BenchGenerateCommand, PrintsJsonAlone) {
  const Outcome outcome = bench({"--json", "--prompt", "5"});
  ASSERT_EQ(outcome.code, 0) << outcome.err;
  const auto json = nlohmann::json::parse(outcome.out);
  EXPECT_EQ(json["precision"], "fp16");
  EXPECT_EQ(json["prompt_tokens"], 5);
  EXPECT_EQ(json["tokens"], 3);
  for (const char* key : {"prompt_tokens_per_s", "ms_per_token", "tokens_per_s", "weight_bytes_per_token",
                          "read_bandwidth", "fraction_of_bandwidth"}) {
    EXPECT_GT(json[key], 0) << key;
  }
}

TEST_F(BenchGenerateCommand, RefusesASingleToken) {
  EXPECT_EQ(run({"bench", "generate", "--tokens", "1"}, folder_).code, 2);
}

}  // namespace
}  // namespace anemone::cli
