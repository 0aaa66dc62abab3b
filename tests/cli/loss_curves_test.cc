// The demo's loss at 16 bits beside that at 32, smoothed over the noise of the batches.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <fstream>

#include "base/json.h"
#include "process.h"
#include "train/trainer_testing.h"

namespace anemone::cli {
namespace {

constexpr int kSteps = 300;

class LossCurves : public testing::Test {
 protected:
  std::vector<double> train(const std::string& precision) {
    const std::string log = precision + ".jsonl";
    const Outcome outcome = run({"train", "--steps", std::to_string(kSteps), "--precision", precision, "--ckpt",
                                 precision + ".safetensors", "--log", log},
                                folder_);
    EXPECT_EQ(outcome.code, 0) << outcome.err;
    std::vector<double> losses;
    std::ifstream file(folder_ + log);
    for (std::string line; std::getline(file, line);) {
      const nlohmann::json step = *parse_json(line, log);
      if (step["type"] == "step") losses.push_back(step["loss"]);
    }
    return losses;
  }

  std::string folder_ = train::fresh_folder();
};

// Exponential means over about ten steps.
std::vector<double> smoothed(std::vector<double> losses) {
  for (size_t i = 1; i < losses.size(); ++i) losses[i] = 0.9 * losses[i - 1] + 0.1 * losses[i];
  return losses;
}

TEST_F(LossCurves, At16BitsAreWithinOnePercent) {
  const std::vector<double> floats = smoothed(train("fp32"));
  ASSERT_EQ(floats.size(), kSteps);
  EXPECT_LT(floats.back(), 0.3 * floats.front());
  for (const char* precision : {"fp16", "bf16"}) {
    const std::vector<double> losses = smoothed(train(precision));
    ASSERT_EQ(losses.size(), kSteps);
    double worst = 0;
    for (size_t i = 0; i < losses.size(); ++i) worst = std::max(worst, std::abs(losses[i] / floats[i] - 1));
    EXPECT_LT(worst, 0.01) << precision;
    EXPECT_GT(worst, 0) << precision << " is fp32";
  }
}

}  // namespace
}  // namespace anemone::cli
