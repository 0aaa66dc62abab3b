// `anemone bench` as people run it.
#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>

#include "base/json.h"
#include "process.h"
#include "train/trainer_testing.h"

namespace anemone::cli {
namespace {

class BenchTrainCommand : public testing::Test {
 protected:
  BenchTrainCommand() { std::ofstream(folder_ + "small.json") << model::to_json(train::small_config()); }

  Outcome bench(Arguments arguments) {
    arguments.insert(arguments.begin(), {"bench", "train", "--config", "small.json", "--steps", "2"});
    return run(arguments, folder_);
  }

  std::string folder_ = train::fresh_folder();
};

TEST_F(BenchTrainCommand, PrintsATable) {
  const Outcome outcome = bench({"--precision", "bf16", "--weights", "dynamic", "--batch", "2"});
  EXPECT_EQ(outcome.code, 0) << outcome.err;
  for (const char* text : {"small at bf16", "tokens/s", "limit", "sdpaFwd", "optimizer", "matrix products"}) {
    EXPECT_NE(outcome.out.find(text), std::string::npos) << text << "\n" << outcome.out;
  }
}

TEST_F(BenchTrainCommand, PrintsJsonAlone) {
  const Outcome outcome = bench({"--json", "--seq", "5"});
  ASSERT_EQ(outcome.code, 0) << outcome.err;
  const auto json = nlohmann::json::parse(outcome.out);
  EXPECT_EQ(json["seq"], 5);
  EXPECT_EQ(json["steps"], 2);
  EXPECT_GT(json["fraction_of_limit"], 0);
  EXPECT_EQ(json["model"]["dim"], train::small_config().dim);
}

TEST_F(BenchTrainCommand, RefusesWhatIsNoStepInOneSentence) {
  const std::pair<Arguments, const char*> cases[] = {
      {{"--precision", "fp8"}, "--precision"},
      {{"--weights", "frozen"}, "--weights"},
      {{"--batch", "0"}, "--batch"},
      {{"--steps", "none"}, "--steps"},
      {{"--batch", "1000000", "--seq", "1000000"}, "at most"},
  };
  for (const auto& [arguments, text] : cases) {
    const Outcome outcome = bench(arguments);
    EXPECT_NE(outcome.code, 0);
    EXPECT_NE(outcome.err.find(text), std::string::npos) << outcome.err;
    EXPECT_EQ(std::ranges::count(outcome.err, '\n'), 1) << outcome.err;
    EXPECT_EQ(outcome.out, "");
  }
}

}  // namespace
}  // namespace anemone::cli
