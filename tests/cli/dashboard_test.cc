// `anemone dashboard` as people run it: on a terminal, without one, beside a run of others.
#include <gmock/gmock.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <unistd.h>
#ifdef __APPLE__
#include <util.h>
#else
#include <pty.h>
#endif

#include <csignal>
#include <filesystem>
#include <fstream>
#include <regex>

#include "base/json.h"
#include "base/random.h"
#include "json_schema.h"
#include "model/config.h"
#include "process.h"
#include "train/checkpoint.h"

namespace anemone::cli {
namespace {

namespace fs = std::filesystem;
using testing::AllOf;
using testing::HasSubstr;
using testing::Not;

// The program on a terminal of its own, whose keys are pressed.
class OnTerminal {
 public:
  OnTerminal(Arguments words, const std::string& folder, const char* type, bool colour = true) {
    words.insert(words.begin(), ANEMONE_BINARY);
    std::vector<char*> pointers;
    for (std::string& word : words) pointers.push_back(word.data());
    pointers.push_back(nullptr);
    winsize size{.ws_row = 30, .ws_col = 100, .ws_xpixel = 0, .ws_ypixel = 0};
    id_ = forkpty(&terminal_, nullptr, nullptr, &size);
    if (id_ != 0) return;
    setenv("TERM", type, 1);
    setenv("LC_ALL", std::string_view(type) == "vt100" ? "C" : "C.UTF-8", 1);
    if (!colour) setenv("NO_COLOR", "1", 1);
    if (chdir(folder.c_str()) == 0) execv(pointers[0], pointers.data());
    _exit(127);
  }
  ~OnTerminal() {
    if (id_ > 0) {
      kill(id_, SIGKILL);
      waitpid(id_, nullptr, 0);
    }
    close(terminal_);
  }

  // Reads until `text` has been drawn since the last call, for half a minute at most.
  bool shows(const std::string& text) {
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(30);
    while (std::chrono::steady_clock::now() < deadline) {
      if (const size_t at = seen_.find(text); at != std::string::npos) {
        seen_.erase(0, at + text.size());
        return true;
      }
      if (!read()) return false;
    }
    return false;
  }
  void press(char key) { EXPECT_EQ(write(terminal_, &key, 1), 1); }
  void resize(unsigned short rows, unsigned short columns) {
    const winsize size{.ws_row = rows, .ws_col = columns, .ws_xpixel = 0, .ws_ypixel = 0};
    ioctl(terminal_, TIOCSWINSZ, &size);
  }
  int wait() {
    while (read()) continue;
    int status = 0;
    waitpid(std::exchange(id_, -1), &status, 0);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  }
  const std::string& all() const { return all_; }

 private:
  bool read() {
    char piece[4096];
    const ssize_t got = ::read(terminal_, piece, sizeof piece);
    if (got <= 0) return false;
    seen_.append(piece, static_cast<size_t>(got));
    all_.append(piece, static_cast<size_t>(got));
    return true;
  }

  pid_t id_ = -1;
  int terminal_ = -1;
  std::string seen_, all_;
};

bool has_colour(const std::string& painted) {
  return std::regex_search(painted, std::regex("\x1B\\[([0-9]+;)*[34][0-9]m"));
}

class DashboardCommand : public testing::Test {
 protected:
  DashboardCommand() {
    folder_ = fs::path(testing::TempDir()) /
              (std::string("anemone_dashboard_") + testing::UnitTest::GetInstance()->current_test_info()->name());
    fs::remove_all(folder_);
    fs::create_directories(folder_);
    const model::Config small{.name = "small",
                              .layers = 1,
                              .dim = 16,
                              .hidden = 24,
                              .heads = 4,
                              .kv_heads = 2,
                              .head_dim = 8,
                              .vocab = 50,
                              .seq = 8};
    std::ofstream(folder_ / "small.json") << model::to_json(small);
    Random random(5);
    std::string tokens;
    for (int i = 0; i < 2000; ++i) tokens += {static_cast<char>(random.below(50)), '\0'};
    std::ofstream(folder_ / "tokens.bin", std::ios::binary) << tokens;
  }

  static Arguments small(std::string command, Arguments more) {
    Arguments all = {std::move(command), "--config", "small.json", "--data", "tokens.bin", "--threads", "1"};
    all.insert(all.end(), more.begin(), more.end());
    return all;
  }
  train::Checkpoint checkpoint() const {
    return train::load_checkpoint((folder_ / "runs/small.safetensors").string()).value();
  }
  std::string bytes(const std::string& name) const { return read_text((folder_ / name).string()).value(); }
  std::vector<nlohmann::json> log(const std::string& name = "runs/small.jsonl") const {
    std::vector<nlohmann::json> lines;
    std::ifstream file(folder_ / name);
    for (std::string line; std::getline(file, line);) lines.push_back(parse_json(line, name).value());
    return lines;
  }

  fs::path folder_;
};

TEST_F(DashboardCommand, PrintsLinesWhereThereIsNoTerminal) {
  const Outcome outcome = run(small("dashboard", {"--steps", "30"}), folder_.string());
  EXPECT_EQ(outcome.code, 0) << outcome.err;
  EXPECT_THAT(outcome.out, AllOf(HasSubstr("finished  step 30/30  loss "), HasSubstr("its log: runs/small.jsonl"),
                                 Not(HasSubstr("\x1B"))));
  EXPECT_EQ(checkpoint().state.step, 30);
  const Outcome more =
      run({"dashboard", "--resume", "--ckpt", "runs/small.safetensors", "--steps", "40"}, folder_.string());
  EXPECT_THAT(more.out, HasSubstr("finished  step 40/40")) << more.err;
  EXPECT_EQ(checkpoint().state.step, 40);
}

TEST_F(DashboardCommand, StopsTheRunWithItsCheckpoint) {
  Process process(small("dashboard", {"--infinite", "--interval", "1"}), folder_.string());
  ASSERT_TRUE(process.prints("running  step "));
  process.signal(SIGTERM);
  const Outcome stopped = process.wait();
  EXPECT_EQ(stopped.code, 0) << stopped.err;
  EXPECT_THAT(stopped.out, HasSubstr("Go on with: anemone dashboard --resume --ckpt "));
  EXPECT_EQ(log().back()["type"], "end");
  EXPECT_EQ(log().back()["reason"], "stopped");
  EXPECT_EQ(log().back()["step"], checkpoint().state.step);
  EXPECT_EQ(checkpoint().options.steps, 999'999'999);
}

TEST_F(DashboardCommand, FailsAsTheTrainerDoes) {
  const Outcome outcome = run(small("dashboard", {"--steps", "30", "--lr", "1e30", "--clip", "0"}), folder_.string());
  EXPECT_EQ(outcome.code, 1);
  EXPECT_THAT(outcome.err, AllOf(HasSubstr("anemone: "), HasSubstr("start again from the last checkpoint")));
  EXPECT_EQ(log().back()["type"], "error");
}

TEST_F(DashboardCommand, IsPaintedAndObeysKeys) {
  OnTerminal dashboard(small("dashboard", {"--infinite"}), folder_.string(), "xterm-256color");
  ASSERT_TRUE(dashboard.shows("running"));
  ASSERT_TRUE(dashboard.shows("⣀") || dashboard.shows("⠤"));  // a curve
  dashboard.press('?');
  EXPECT_TRUE(dashboard.shows("page up and down"));
  dashboard.press('x');
  dashboard.press(' ');
  EXPECT_TRUE(dashboard.shows("paused"));
  dashboard.press(' ');
  dashboard.press('s');
  EXPECT_TRUE(dashboard.shows("[ckpt saved"));
  dashboard.resize(10, 30);
  EXPECT_TRUE(dashboard.shows("too small"));
  dashboard.resize(40, 120);
  EXPECT_TRUE(dashboard.shows("small on cpu"));
  dashboard.press('q');
  EXPECT_EQ(dashboard.wait(), 0);
  EXPECT_TRUE(has_colour(dashboard.all()));
  EXPECT_EQ(log().back()["reason"], "stopped");
  EXPECT_EQ(checkpoint().state.step, log().back()["step"]);
}

TEST_F(DashboardCommand, DoesWithoutColourAndUnicode) {
  OnTerminal dashboard(small("dashboard", {"--infinite"}), folder_.string(), "vt100");
  ASSERT_TRUE(dashboard.shows("running"));
  dashboard.press('q');
  EXPECT_EQ(dashboard.wait(), 0);
  EXPECT_FALSE(has_colour(dashboard.all()));
  EXPECT_THAT(dashboard.all(), Not(HasSubstr("\xE2")));
  OnTerminal plain({"dashboard", "--attach", "runs/small.jsonl"}, folder_.string(), "xterm-256color", false);
  ASSERT_TRUE(plain.shows("stopped"));
  plain.press('q');
  EXPECT_EQ(plain.wait(), 0);
  EXPECT_FALSE(has_colour(plain.all()));
  EXPECT_THAT(plain.all(), HasSubstr("─"));
}

// One that it did not start goes on when the dashboard is quit.
TEST_F(DashboardCommand, AttachesToARunOfOthers) {
  Process trainer(small("train", {"--steps", "999999", "--log", "log.jsonl"}), folder_.string());
  ASSERT_TRUE(trainer.prints("\nstep 50 "));
  {
    OnTerminal dashboard({"dashboard", "--attach", "log.jsonl", "--no-generate"}, folder_.string(), "xterm-256color");
    ASSERT_TRUE(dashboard.shows("running"));
    dashboard.press(' ');
    EXPECT_TRUE(dashboard.shows("paused"));
    dashboard.press(' ');
    EXPECT_TRUE(dashboard.shows("going on"));
    dashboard.press('q');
    EXPECT_EQ(dashboard.wait(), 0);
  }
  const Outcome twice =
      run(small("train", {"--log", "log.jsonl", "--ckpt", "other.safetensors"}), folder_.string() + "/");
  EXPECT_THAT(twice.err, HasSubstr("is the log of a run that is under way"));
  EXPECT_EQ(std::ranges::count_if(log("log.jsonl"), [](const auto& line) { return line["type"] == "run"; }), 1);
  trainer.signal(SIGINT);
  EXPECT_EQ(trainer.wait().code, 0);
}

// A save asked for leaves no trace: the run goes on, bit for bit, as one that was not asked.
TEST_F(DashboardCommand, SavingLeavesNoTrace) {
  const Arguments options = {"--steps", "600", "--accum", "3", "--log", "log.jsonl"};
  Process process(small("train", options), folder_.string());
  ASSERT_TRUE(process.prints("\nstep 50 "));
  process.signal(SIGUSR1);
  ASSERT_TRUE(process.prints("[ckpt saved"));
  process.signal(SIGTSTP);
  ASSERT_TRUE(process.prints("[paused after step"));
  process.signal(SIGCONT);
  EXPECT_EQ(process.wait().code, 0);
  const std::string saved = bytes("runs/small.safetensors");
  EXPECT_EQ(run(small("train", {"--steps", "600", "--accum", "3", "--scratch"}), folder_.string()).code, 0);
  EXPECT_TRUE(saved == bytes("runs/small.safetensors"));
  for (const nlohmann::json& line : log("log.jsonl")) {
    EXPECT_EQ(schema_errors(line, ANEMONE_SOURCE_DIR "/docs/anemone-log-1.schema.json"), "") << line;
  }
}

// A pause is announced before the process stands still; who hears of it may let it go on before it does.
TEST_F(DashboardCommand, GoesOnWhereItWasAskedBeforeItStoodStill) {
  Process process(small("train", {"--steps", "10000000", "--scratch"}), folder_.string());
  ASSERT_TRUE(process.prints("\nstep 50 "));
  for (size_t round = 0; round < 50; ++round) {
    const size_t before = process.out().size();
    process.signal(SIGTSTP);
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(30);
    while (process.out().find("[paused", before) == std::string::npos) {  // without a sleep: microseconds count
      ASSERT_LT(std::chrono::steady_clock::now(), deadline) << "at pause " << round;
    }
    process.signal(SIGCONT);
    ASSERT_TRUE(process.prints("\nstep ", process.out().find("[paused", before))) << "after pause " << round;
  }
  process.signal(SIGINT);
  EXPECT_EQ(process.wait().code, 0);
}

TEST_F(DashboardCommand, RefusesWhatDoesNotGoTogether) {
  const auto err = [&](const Arguments& arguments) { return run(arguments, folder_.string()).err; };
  EXPECT_THAT(err({"dashboard", "--attach", "none.jsonl"}), HasSubstr("cannot read none.jsonl"));
  EXPECT_THAT(err({"dashboard", "--attach", "none.jsonl", "--steps", "3"}), HasSubstr("leave out --steps"));
  EXPECT_THAT(err({"dashboard", "--infinite", "--steps", "3"}), HasSubstr("leave out --steps"));
  EXPECT_EQ(run({"dashboard", "--infinite", "--steps", "3"}, folder_.string()).code, 2);
  EXPECT_THAT(err({"dashboard", "--config", "none"}), HasSubstr("there is no configuration \"none\""));
}

}  // namespace
}  // namespace anemone::cli
