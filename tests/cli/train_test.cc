// `anemone train` as people run it: exit codes, what it says, what it leaves on disk.
#include <gmock/gmock.h>

#include <cmath>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <regex>
#include <sstream>

#include "base/json.h"
#include "model/weights_file.h"
#include "process.h"
#include "small_run.h"
#include "terminal.h"
#include "train/checkpoint.h"

namespace anemone::cli {
namespace {

namespace fs = std::filesystem;
using testing::AllOf;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;
using testing::StartsWith;
using train::small_config;

std::string bytes_of(const fs::path& path) { return *read_text(path.string()); }

class TrainCommand : public testing::Test {
 protected:
  TrainCommand() {
    const std::string name = testing::UnitTest::GetInstance()->current_test_info()->name();
    folder_ = fs::path(testing::TempDir()) / ("anemone_train_" + name);
    fs::remove_all(folder_);
    fs::create_directories(folder_);
    write_small_run(folder_);
  }

  void write(const std::string& name, std::string_view bytes) const {
    std::ofstream(folder_ / name, std::ios::binary) << bytes;
  }

  // On the small model and data, with a checkpoint run.safetensors.
  Arguments small_run(Arguments more) const {
    Arguments all = {"train", "--config", "small.json", "--data", "tokens.bin", "--ckpt", "run.safetensors"};
    all.insert(all.end(), more.begin(), more.end());
    return all;
  }
  Outcome train(const Arguments& arguments) const { return run(arguments, folder_.string()); }
  Outcome train_small(Arguments more) const { return train(small_run(std::move(more))); }

  // A failure is one line that begins with the program's name, and leaves no checkpoint behind.
  void expect_failure(const Arguments& arguments, const std::string& message, int code = 1) const {
    const Outcome outcome = train(arguments);
    EXPECT_EQ(outcome.code, code) << outcome.err;
    EXPECT_THAT(outcome.err, AllOf(StartsWith("anemone: "), HasSubstr(message)));
    EXPECT_EQ(std::ranges::count(outcome.err, '\n'), 1) << outcome.err;
    EXPECT_FALSE(fs::exists(folder_ / "run.safetensors"));
  }

  std::vector<nlohmann::json> log() const {
    std::vector<nlohmann::json> lines;
    std::ifstream file(folder_ / "log.jsonl");
    for (std::string line; std::getline(file, line);) lines.push_back(*parse_json(line, "log.jsonl"));
    return lines;
  }

  train::Checkpoint checkpoint(const std::string& name = "run.safetensors") const {
    return *train::load_checkpoint((folder_ / name).string());
  }

  fs::path folder_;
};

TEST_F(TrainCommand, PrintsTheSeedsLines) {
  const Outcome outcome = train_small({"--steps", "12"});
  EXPECT_EQ(outcome.code, 0);
  EXPECT_THAT(outcome.err, IsEmpty());
  EXPECT_THAT(outcome.out, Not(HasSubstr("\033")));
  EXPECT_THAT(outcome.out, Not(HasSubstr("\r")));
  for (const char* line :
       {"=== cpu Training: small \\(2 layers, GQA 4/2 heads\\) ===\n",
        "\ndim=16 q_dim=32 kv_dim=16 hd=8 hidden=24 seq=8", "\nParams: 0\\.01M \\(transformer",
        "\nKernels: 12 \\(10 weight-bearing \\+ 2 sdpaBwd2\\)\n",
        "\nFLOPs/step: fwd=\\d+M bwd_dx=\\d+M bwd_dW=\\d+M sdpa_bwd=\\d+M total=\\d+M\n",
        "\nToken data: 2000 tokens \\(0\\.0 MB\\)\n",
        "\nstep 0     loss=\\d\\.\\d{4}  lr=4\\.00e-05  [\\d.]+ms/step  \\d+ tokens/s", "\nstep 10    loss=\\d\\.",
        "\nstep 11    loss=\\d\\.",
        "\n    cpu=[\\d.]+ io=[\\d.]+ cls=[\\d.]+ elem=[\\d.]+ rms=[\\d.]+ cblas_wait=[\\d.]+ ms/step  dw=",
        "\n  \\[ckpt saved: run.safetensors at step 12, validation loss=\\d\\.\\d{4}, the best so far\\]\n",
        "\n=== Efficiency Report ===\nTotal steps:     12\nWall time:       \\d+ ms \\([\\d.]+ s\\)\n",
        "\nCompile time:    \\d+ ms \\([\\d.]+%\\)\nTrain time:      \\d+ ms \\([\\d.]+%\\)\n",
        "\nAvg train:       [\\d.]+ ms/step \\(host clock\\)\ncpu TFLOPS:      [\\d.]+ sustained\n",
        "\nTotal TFLOPS:    [\\d.]+ \\(cpu\\+host\\)\n"}) {
    EXPECT_TRUE(std::regex_search(outcome.out, std::regex(line))) << line << "\nin\n" << outcome.out;
  }
  EXPECT_EQ(checkpoint().state.step, 12);
  EXPECT_TRUE(fs::exists(folder_ / "run.best.safetensors"));
}

TEST_F(TrainCommand, ShowsAProgressLineOnATerminal) {
  const Outcome outcome = Terminal(small_run({"--steps", "12"}), folder_.string()).wait();
  EXPECT_EQ(outcome.code, 0);
  const std::regex line("\r\033\\[K7/12  loss \\d\\.\\d{4}  lr \\d\\.\\de-04  \\d+ tokens/s  \\d+:\\d\\d left");
  EXPECT_TRUE(std::regex_search(outcome.out, line)) << outcome.out;
  EXPECT_THAT(outcome.out, HasSubstr("=== Efficiency Report ==="));
}

TEST_F(TrainCommand, PutsAnErrorOnALineOfItsOwnOnATerminal) {
  const Outcome outcome = Terminal(small_run({"--steps", "12", "--lr", "1e30"}), folder_.string()).wait();
  EXPECT_EQ(outcome.code, 1);
  EXPECT_THAT(outcome.out, HasSubstr("\r\033[Kanemone: "));
}

TEST_F(TrainCommand, RefusesBadData) {
  const auto with = [](const std::string& data) {
    return Arguments{"train", "--config", "small.json", "--data", data, "--ckpt", "run.safetensors"};
  };
  const std::string tokens = small_tokens();
  write("empty.bin", "");
  write("odd.bin", tokens + "x");
  write("short.bin", tokens.substr(0, 16));
  std::string beyond = tokens;
  beyond[2 * 777] = 50;
  write("beyond.bin", beyond);
  expect_failure(with("none.bin"), "cannot open none.bin");
  expect_failure(with("empty.bin"), "empty.bin is empty");
  expect_failure(with("odd.bin"), "odd.bin has 4001 bytes, not a multiple of the 2 of a token");
  expect_failure(with("short.bin"), "short.bin holds 8 tokens, but a sequence of 8 needs 9");
  expect_failure(with("beyond.bin"), "beyond.bin holds token 50 at offset 1554, outside the vocabulary of 50");
  expect_failure(with("."), "not a regular file");
}

TEST_F(TrainCommand, RefusesBadUsage) {
  expect_failure(small_run({"--frobnicate"}), "--frobnicate", 2);
  expect_failure(small_run({"--steps", "many"}), "--steps", 2);
  expect_failure(small_run({"--seed", "-1"}), "--seed", 2);
  expect_failure({"trian"}, "subcommand", 2);
  expect_failure({"train", "--preset", "train_small"}, "there is no preset train_small: choose one of train_large");
  expect_failure({"train", "--config", "stories1b"}, "there is no configuration \"stories1b\": give one of tiny");
  expect_failure({"train", "--config", "none.json"}, "none.json");
  expect_failure(small_run({"--device", "gpu"}),
                 "--device: there is no device gpu: choose one of cpu, ref, ane, sim:m1", 2);
  expect_failure(small_run({"--precision", "fp8"}), "--precision: fp8 not in {auto,bf16,fp16,fp32}", 2);
  expect_failure(small_run({"--weights", "frozen"}), "--weights: frozen not in {baked,dynamic}", 2);
  expect_failure(small_run({"--offload", "half"}), "--offload: half not in {core,full}", 2);
  expect_failure(small_run({"--schedule", "step"}), "--schedule: step not in {constant,cosine}", 2);
  expect_failure(small_run({"--loss-scale", "big"}), "--loss-scale big is unknown");
  expect_failure(small_run({"--steps", "0"}), "0 steps are too few");
  expect_failure(small_run({"--batch", "4000000000000000000"}), "too large");
  expect_failure(small_run({"--lr", "-1"}), "a learning rate of -1 cannot train");
  expect_failure(small_run({"--init", "weights.bin"}), "--init brings its own configuration");
  expect_failure({"train", "--config", "small.json", "--data", "tokens.bin", "--ckpt", std::string(5000, 'x')},
                 "File name too long");
  write("broken.json", "{\"name\": \"small\"");
  expect_failure({"train", "--config", "broken.json", "--data", "tokens.bin"}, "broken.json is not valid JSON");
}

TEST_F(TrainCommand, GoldenRefusesWhatIsNotThePublishedRun) {
  const auto golden = [](Arguments more) {
    Arguments all = {"train", "--preset", "train_large", "--data", "tokens.bin", "--golden"};
    all.insert(all.end(), more.begin(), more.end());
    return all;
  };
  expect_failure(golden({"--lr", "1e-4"}), "of 20 steps, not 10000: give --steps from 1 to 20", 2);
  expect_failure(golden({"--steps", "20"}), "a rate of 0.0001, not 0.0003: give --lr 0.0001", 2);
  expect_failure(golden({"--steps", "20", "--lr", "1e-4", "--seed", "1"}), "--preset train_large as it is", 2);
  expect_failure(golden({"--steps", "20", "--lr", "1e-4", "--batch", "2"}), "--preset train_large as it is", 2);
  expect_failure(golden({"--steps", "12", "--lr", "1e-4", "--offload", "full"}), "of 11 steps, not 12", 2);
  expect_failure(golden({"--steps", "20", "--lr", "1e-4", "--ckpt", "run.safetensors"}), "keeps nothing: leave out", 2);
  expect_failure({"train", "--preset", "dynamic", "--data", "tokens.bin", "--steps", "20", "--lr", "1e-4", "--golden"},
                 "--preset train_large as it is", 2);
  expect_failure({"train", "--preset", "train_large", "--steps", "20", "--lr", "1e-4", "--golden"},
                 "--golden goes with --data FILE", 2);
  expect_failure(golden({"--steps", "20", "--lr", "1e-4"}),
                 "tokens.bin is not the data of the published run: it holds 2000 tokens and begins with ");
  EXPECT_FALSE(fs::exists(folder_ / "runs"));
}

TEST_F(TrainCommand, EndsWhereNumbersDo) {
  expect_failure(small_run({"--steps", "20", "--lr", "1e30"}), "with a lower --lr");
  expect_failure(small_run({"--steps", "20", "--lr", "1e30", "--precision", "fp16"}), "--lr or with --precision fp32");
}

TEST_F(TrainCommand, ResumesOnlyWhatIsARun) {
  expect_failure({"train", "--resume"}, "--resume goes with --ckpt FILE");
  expect_failure({"train", "--resume", "--ckpt", "none.safetensors"}, "cannot open none.safetensors");
  EXPECT_EQ(train_small({"--steps", "3"}).code, 0);
  const std::string whole = bytes_of(folder_ / "run.safetensors");
  fs::remove(folder_ / "run.safetensors");
  write("cut.safetensors", whole.substr(0, whole.size() - 5));
  std::string damaged = whole;
  damaged.back() ^= 1;
  write("damaged.safetensors", damaged);
  write("note.txt", "no checkpoint at all, but a note");
  model::Parameters weights(small_config());
  ASSERT_TRUE(model::save_model((folder_ / "weights.safetensors").string(), small_config(), weights));
  expect_failure({"train", "--resume", "--ckpt", "cut.safetensors"}, "cut.safetensors is cut short");
  expect_failure({"train", "--resume", "--ckpt", "damaged.safetensors"}, "damaged.safetensors is damaged");
  expect_failure({"train", "--resume", "--ckpt", "weights.safetensors"}, "weights.safetensors is not a checkpoint");
  expect_failure({"train", "--resume", "--ckpt", "note.txt"}, "note.txt");
  expect_failure({"train", "--resume", "--ckpt", "cut.safetensors", "--config", "tiny"}, "leave out --config");
}

TEST_F(TrainCommand, KeepsAnEarlierRun) {
  EXPECT_EQ(train_small({"--steps", "3"}).code, 0);
  const std::string before = bytes_of(folder_ / "run.safetensors");
  const Outcome refused = train_small({"--steps", "5"});
  EXPECT_EQ(refused.code, 1);
  EXPECT_THAT(refused.err, HasSubstr("run.safetensors holds an earlier run: go on with --resume"));
  EXPECT_TRUE(bytes_of(folder_ / "run.safetensors") == before);
  EXPECT_EQ(train_small({"--steps", "5", "--scratch"}).code, 0);
  EXPECT_EQ(checkpoint().state.step, 5);
}

TEST_F(TrainCommand, GoesOnWithADoneRunOnlyWhenToldHowFar) {
  EXPECT_EQ(train_small({"--steps", "3"}).code, 0);
  const Outcome done = train({"train", "--resume", "--ckpt", "run.safetensors"});
  EXPECT_EQ(done.code, 0);
  EXPECT_THAT(done.out, HasSubstr("All of its 3 steps are done. Go on with: anemone train --resume"));
  const Outcome more = train({"train", "--resume", "--ckpt", "run.safetensors", "--steps", "6"});
  EXPECT_THAT(more.out,
              AllOf(HasSubstr("[RESUMED step 3, loss="), HasSubstr("\nstep 3 "), HasSubstr("Total steps:     3\n")));
  EXPECT_EQ(checkpoint().state.step, 6);
}

TEST_F(TrainCommand, LogsEveryStep) {
  EXPECT_EQ(train_small({"--steps", "4", "--log", "log.jsonl"}).code, 0);
  EXPECT_EQ(train({"train", "--resume", "--ckpt", "run.safetensors", "--steps", "7", "--log", "log.jsonl"}).code, 0);
  std::vector<int64_t> steps;
  for (const nlohmann::json& line : log()) {
    if (line["type"] != "step") continue;
    steps.push_back(line["step"]);
    EXPECT_NEAR(line["loss"], std::log(50), 1);
    for (const char* name : {"lr", "ms", "t_ane", "t_io", "t_cls", "t_elem", "t_rms", "t_cblas_wait", "grad_norm"}) {
      EXPECT_TRUE(line[name].is_number()) << name;
    }
  }
  EXPECT_THAT(steps, testing::ElementsAre(0, 1, 2, 3, 4, 5, 6));
  EXPECT_EQ(log().back()["type"], "end");
  EXPECT_EQ(log().back()["reason"], "finished");
}

Arguments words_of(const std::string& text) {
  std::istringstream stream(text);
  return {std::istream_iterator<std::string>(stream), {}};
}

// It is stopped wherever it stands when the signal comes, and resumed for some steps more.
TEST_F(TrainCommand, StopsAtCtrlCAndGoesOnAsIfItHadNot) {
  const auto run_of = [&](const std::string& steps, const Arguments& more) {
    Arguments all = small_run({"--schedule", "constant", "--weights", "dynamic", "--accum", "3", "--threads", "1"});
    all.insert(all.end(), {"--steps", steps});
    all.insert(all.end(), more.begin(), more.end());
    return all;
  };
  Process process(run_of("999999999", {"--log", "log.jsonl"}), folder_.string());
  ASSERT_TRUE(process.prints("\nstep 50 "));
  process.signal(SIGINT);
  const Outcome stopped = process.wait();
  EXPECT_EQ(stopped.code, 0);
  EXPECT_THAT(stopped.err, IsEmpty());
  std::smatch found;
  ASSERT_TRUE(
      std::regex_search(stopped.out, found, std::regex("Stopped after step (\\d+). Go on with: anemone (.*)\n")))
      << stopped.out;
  EXPECT_EQ(checkpoint().state.step, std::stoll(found[1]));

  const int64_t last = checkpoint().state.step + 700;
  Arguments resume = words_of(found[2]);
  resume.insert(resume.end(), {"--log", "log.jsonl", "--steps", std::to_string(last)});
  EXPECT_EQ(train(resume).code, 0);
  int64_t next = 0;
  for (const nlohmann::json& line : log()) {
    if (line["type"] != "step") continue;
    EXPECT_EQ(line["step"], next++);
  }
  EXPECT_EQ(next, last);

  fs::rename(folder_ / "run.safetensors", folder_ / "resumed.safetensors");
  EXPECT_EQ(train(run_of(std::to_string(last), {})).code, 0);
  EXPECT_TRUE(bytes_of(folder_ / "resumed.safetensors") == bytes_of(folder_ / "run.safetensors"));
}

TEST_F(TrainCommand, StartsFromWeights) {
  model::Config config = small_config();
  config.head_dim = 4;
  model::Parameters weights(config);
  ASSERT_TRUE(model::save_model((folder_ / "weights.bin").string(), config, weights));
  for (const char* flag : {"--init", "--model"}) {
    const Outcome outcome = train({"train", flag, "weights.bin", "--data", "tokens.bin", "--steps", "1", "--scratch"});
    EXPECT_EQ(outcome.code, 0) << outcome.err;
    EXPECT_THAT(outcome.out, HasSubstr("step 0     loss=3.9120 "));  // ln 50: all weights are zero
  }
  // The seed's order: model, sequence, steps, rate.
  const Outcome outcome = train({"train", "weights.bin", "4", "2", "1e-3", "--data", "tokens.bin", "--scratch"});
  EXPECT_THAT(outcome.out, AllOf(HasSubstr(" seq=4 "), HasSubstr("Total steps:     2\n"), HasSubstr("LR=1.0e-03")));
}

// The links beside the binary are presets; --config gives them a small model.
TEST_F(TrainCommand, AnswersToTheSeedsNames) {
  const fs::path beside = fs::path(ANEMONE_BINARY).parent_path();
  for (const std::string name : {"train_large", "train_large_ane"}) {
    const std::string program = (beside / name).string();
    EXPECT_EQ(run({"--help"}, folder_.string(), program).code, 0);
    const Arguments few = {"--config", "small.json", "--data", "tokens.bin", "--seq", "8", "--steps", "2"};
    const Outcome outcome = run(few, folder_.string(), program);
    EXPECT_EQ(outcome.code, 0) << outcome.err;
    EXPECT_THAT(outcome.out, HasSubstr("Adam LR=3.0e-04 b1=0.9 b2=0.999 wd=0 clip=0"));
    EXPECT_THAT(outcome.out, HasSubstr(name == "train_large" ? "offload core" : "offload full"));
    EXPECT_EQ(run({"--resume", "--steps", "4"}, folder_.string(), program).code, 0);
    EXPECT_EQ(checkpoint("runs/" + name + ".safetensors").state.step, 4);
  }
  const Outcome other = run({"--resume", "--ckpt", "runs/train_large.safetensors"}, folder_.string(),
                            (beside / "train_large_ane").string());
  EXPECT_THAT(other.err, HasSubstr("runs/train_large.safetensors is no run of --preset train_large_ane"));
}

}  // namespace
}  // namespace anemone::cli
