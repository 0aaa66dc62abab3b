#include "cli/train_output.h"

#include <gtest/gtest.h>

#include <fstream>

#include "base/json.h"

namespace anemone::cli {
namespace {

using train::DeviceTime;

RunDescription description() {
  RunDescription run;
  run.config = model::find_config("tiny").value();
  run.options.steps = 2;
  run.device = {.name = "sim:m4", .description = "a test", .peak_flops = 19.4e12};
  return run;
}

// Two steps of a device whose clock says what is given, and the report.
std::string show(const std::optional<DeviceTime>& time, const std::string& log = "") {
  testing::internal::CaptureStdout();
  {
    const auto output = TrainOutput::create(description(), log).value();
    train::RunSummary summary{.steps = 2, .wall_ms = 1000, .train_ms = 900};
    for (int64_t step : {0, 1}) {
      train::StepReport report{.step = step, .loss = 2, .milliseconds = 450};
      report.device = time;
      train::add(summary.device, time);
      output->on_step(report);
    }
    output->end(summary);
  }
  return testing::internal::GetCapturedStdout();
}

bool contains(const std::string& text, std::string_view part) { return text.find(part) != std::string::npos; }

TEST(TrainOutput, MarksModelledDeviceTime) {
  const std::string text = show(DeviceTime{.milliseconds = 21.25, .modelled = true});
  EXPECT_TRUE(contains(text, "compile=0.0  device time=21.2 ms/step (modelled)\n")) << text;
  EXPECT_TRUE(contains(text, "Device time:     21.2 ms/step (modelled)\n")) << text;
  EXPECT_TRUE(contains(text, "TFLOPS in device time (modelled)\n")) << text;
}

TEST(TrainOutput, ShowsAHardwareClockUnmarked) {
  const std::string text = show(DeviceTime{.milliseconds = 8, .modelled = false});
  EXPECT_TRUE(contains(text, "device time=8.0 ms/step\n")) << text;
  EXPECT_FALSE(contains(text, "modelled")) << text;
}

TEST(TrainOutput, SaysNothingOfAClockThatIsNotThere) {
  const std::string text = show(std::nullopt);
  EXPECT_TRUE(contains(text, "compile=0.0\n")) << text;
  EXPECT_TRUE(contains(text, "% of 19.4 TFLOPS\n")) << text;
  EXPECT_FALSE(contains(text, "evice time")) << text;
}

TEST(TrainOutput, LogsDeviceTime) {
  const std::string path = testing::TempDir() + "device_time.jsonl";
  show(DeviceTime{.milliseconds = 21.25, .modelled = true}, path);
  std::ifstream file(path);
  std::string line;
  ASSERT_TRUE(std::getline(file, line));
  const auto json = nlohmann::json::parse(line);
  EXPECT_EQ(json["device_ms"], 21.25);
  EXPECT_EQ(json["device_ms_modelled"], true);
}

}  // namespace
}  // namespace anemone::cli
