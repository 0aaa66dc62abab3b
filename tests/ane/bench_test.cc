// `anemone bench` on the double: what is timed is checked by the commands themselves.
#include <fstream>

#include "double_control.h"
#include "train/trainer_testing.h"

namespace anemone {
namespace {

using testing::AllOf;
using testing::HasSubstr;

// What it prints.
std::string bench(const std::string& arguments) {
  ane_double();  // sets the environment that it inherits
  const std::string command = std::string(ANEMONE_BINARY " bench ") + arguments + " --device ane 2>/dev/null";
  std::string text;
  FILE* pipe = popen(command.c_str(), "r");
  for (int c = fgetc(pipe); c != EOF; c = fgetc(pipe)) text += char(c);
  EXPECT_EQ(pclose(pipe), 0) << text;
  return text;
}

// A model of two layers in a file.
class AneBench : public testing::Test {
 protected:
  AneBench() { std::ofstream(config_) << model::to_json(train::small_config()); }
  std::string train(const std::string& arguments) {
    return bench("train --config " + config_ + " --steps 1 " + arguments);
  }
  std::string config_ = train::fresh_folder() + "small.json";
};

TEST_F(AneBench, TimesAProgram) {
  EXPECT_THAT(bench("inmem_basic --repeat 2 --warmup 0"),
              AllOf(HasSubstr("ane (Neural Engine h00double"), HasSubstr("load: YES  compile: YES  evaluate: YES")));
}

TEST_F(AneBench, TimesATrainingStep) {
  EXPECT_THAT(train("--weights dynamic"), AllOf(HasSubstr("small at fp16"), HasSubstr("ffnBwdW13t")));
  EXPECT_THAT(train("--weights baked"), AllOf(HasSubstr("tokens/s"), HasSubstr("weights to the device")));
}

TEST_F(AneBench, GoesOnInWorkers) {
  setenv("ANEMONE_ANE_COMPILES", "3", 1);
  EXPECT_THAT(train("--weights baked"), HasSubstr("tokens/s"));
  setenv("ANEMONE_ANE_COMPILES", "1000000", 1);
}

TEST_F(AneBench, TimesTokens) {
  EXPECT_THAT(bench("generate --config " + config_ + " --prompt 3 --tokens 3"), HasSubstr("fraction of bandwidth"));
}

}  // namespace
}  // namespace anemone
