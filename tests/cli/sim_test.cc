// The simulated engine as people use it: running, explaining, training, and what it refuses.
#include <gmock/gmock.h>

#include <filesystem>
#include <fstream>

#include "base/file.h"
#include "base/json.h"
#include "base/random.h"
#include "process.h"

namespace anemone::cli {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;
using testing::AllOf;
using testing::HasSubstr;
using testing::MatchesRegex;

class SimCommand : public testing::Test {
 protected:
  SimCommand() {
    folder_ = fs::path(testing::TempDir()) / "anemone_sim_command";
    fs::remove_all(folder_);
    fs::create_directories(folder_);
  }
  ~SimCommand() override { fs::remove_all(folder_); }

  void write(const std::string& name, std::string_view text) const {
    std::ofstream(folder_ / name, std::ios::binary) << text;
  }
  // A small model whose tensors suit the engine, and tokens for it.
  void write_data() const {
    write("small.json",
          R"({"name": "small", "layers": 2, "dim": 128, "hidden": 192, "heads": 4, "kv_heads": 4, "head_dim": 32,
              "vocab": 50, "seq": 256})");
    std::string tokens;
    Random random(5);
    for (int i = 0; i < 4000; ++i) tokens += {static_cast<char>(random.below(50)), '\0'};
    write("tokens.bin", tokens);
  }
  Outcome run(const Arguments& arguments) const { return cli::run(arguments, folder_.string()); }
  // A sum of 32 channels by a product and by a reduction: above 2^15 the product's is infinite, which the difference
  // then reads as 65536.
  Outcome run_sum(Arguments more) const {
    more.insert(more.begin(), {"mil", "run", ANEMONE_SOURCE_DIR "/examples/overflow.mil", "--input", "*=const:1040"});
    return run(more);
  }

  fs::path folder_;
};

TEST_F(SimCommand, RunsWithAModelledTime) {
  const Outcome outcome = run_sum({"--device", "sim:m4", "--repeat", "3", "--json"});
  const json report = *parse_json(outcome.out, "stdout");
  EXPECT_TRUE(report["device_time_modelled"]);
  EXPECT_GT(report["device_ms"]["first"], 10 * report["device_ms"]["least"].get<double>()) << "waking";
  EXPECT_NEAR(report["device_ms"]["least"], 0.094, 0.02);
}

TEST_F(SimCommand, ExplainsWhatWorksOnTheCpuAlone) {
  const Outcome outcome = run_sum({"--device", "sim:m4", "--compare", "cpu", "--explain"});
  EXPECT_EQ(outcome.code, 0) << outcome.err;
  EXPECT_THAT(outcome.out, HasSubstr("the largest difference is 32256.0 at 0"));
  EXPECT_THAT(outcome.out, HasSubstr("matmul m at 7:"));
  EXPECT_THAT(outcome.out, HasSubstr("most at 0: inf, where IEEE has 33280"));
  EXPECT_THAT(outcome.out, HasSubstr("overflow: 64 of 64 sums reached 2^15 on the way and stayed infinite"));
  EXPECT_THAT(outcome.out, HasSubstr("the first to part by more than rounding: matmul m at 7:"));
}

TEST_F(SimCommand, ExplainsInJson) {
  const Outcome outcome = run_sum({"--device", "sim:m5", "--explain", "--json"});
  const json explanation = (*parse_json(outcome.out, "stdout"))["explanation"];
  EXPECT_EQ(explanation["first_responsible"]["op"], "matmul");
  EXPECT_EQ(explanation["first_responsible"]["engine"], "inf");
  EXPECT_EQ(explanation["first_responsible"]["ieee"], 33280);
}

TEST_F(SimCommand, RefusesInOneSentence) {
  const auto expect_error = [&](const Arguments& more, int code, const std::string& sentence) {
    const Outcome outcome = run_sum(more);
    EXPECT_EQ(outcome.code, code);
    EXPECT_THAT(outcome.err, AllOf(HasSubstr(sentence), MatchesRegex("anemone: [^\n]+\n")));
  };
  expect_error({"--device", "sim:m9"}, 2, "there is no engine m9");
  expect_error({"--device", "sim:m4", "--precision", "fp32"}, 1, "in fp16: --precision fp32 is for cpu and ref");
  expect_error({"--device", "cpu", "--strict"}, 1, "--strict is about the engine's limits");
  expect_error({"--device", "cpu", "--explain"}, 1, "it goes with --device sim:CHIP");
  expect_error({"--device", "sim:m4", "--strict"}, 1, "C2");
}

TEST_F(SimCommand, TrainsInDeviceTime) {
  write_data();
  for (const char* weights : {"baked", "dynamic"}) {
    const Outcome outcome = run({"train", "--config", "small.json", "--data", "tokens.bin", "--device", "sim:m4",
                                 "--weights", weights, "--steps", "3", "--scratch", "--log", "log.jsonl"});
    EXPECT_EQ(outcome.code, 0) << outcome.err;
    EXPECT_THAT(outcome.out, HasSubstr("precision fp16"));
    EXPECT_THAT(outcome.out, HasSubstr("ms/step (modelled)"));
    EXPECT_THAT(*read_text((folder_ / "log.jsonl").string()), HasSubstr("device_ms"));
  }
}

// A spent budget of compiles loses nothing: another process goes on.
TEST_F(SimCommand, KeepsARunWhoseCompilesAreSpent) {
  write_data();
  const Arguments train{"train",  "--config", "small.json", "--data",          "tokens.bin",    "--device",
                        "sim:m4", "--strict", "--ckpt",     "run.safetensors", "--val-windows", "0"};
  const auto with = [&](Arguments more) {
    Arguments all = train;
    all.insert(all.end(), more.begin(), more.end());
    return run(all);
  };
  const Outcome spent = with({"--steps", "40", "--scratch"});
  EXPECT_EQ(spent.code, 1);
  EXPECT_THAT(spent.err, AllOf(HasSubstr("C03 on m4"), HasSubstr("the run is kept at step"),
                               HasSubstr("go on with --resume --ckpt")));
  const Outcome resumed = run({"train", "--resume", "--ckpt", "run.safetensors", "--device", "sim:m4", "--strict"});
  EXPECT_EQ(resumed.code, 1);
  EXPECT_THAT(resumed.err, HasSubstr("the run is kept at step"));
}

}  // namespace
}  // namespace anemone::cli
