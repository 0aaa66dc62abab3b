// `anemone dashboard` as people run it: on a terminal, without one, beside a run of others.
#include <gmock/gmock.h>
#include <httplib.h>

#include <csignal>
#include <filesystem>
#include <fstream>
#include <regex>
#include <thread>

#include "base/json.h"
#include "json_schema.h"
#include "process.h"
#include "small_run.h"
#include "terminal.h"
#include "train/checkpoint.h"

namespace anemone::cli {
namespace {

namespace fs = std::filesystem;
using testing::AllOf;
using testing::HasSubstr;
using testing::Not;

bool has_colour(const std::string& painted) {
  return std::regex_search(painted, std::regex("\x1B\\[([0-9]+;)*[34][0-9]m"));
}

constexpr const char* kEndless = "999999999";  // steps

class DashboardCommand : public testing::Test {
 protected:
  DashboardCommand() {
    folder_ = fs::path(testing::TempDir()) /
              (std::string("anemone_dashboard_") + testing::UnitTest::GetInstance()->current_test_info()->name());
    fs::remove_all(folder_);
    fs::create_directories(folder_);
    write_small_run(folder_);
  }

  static Arguments with(Arguments some, const Arguments& more) {
    some.insert(some.end(), more.begin(), more.end());
    return some;
  }
  static Arguments small(std::string command, const Arguments& more) {
    return with({std::move(command), "--config", "small.json", "--data", "tokens.bin", "--threads", "1"}, more);
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
  // So many rows that all figures are seen: lines of the log may come and go between two pictures.
  Terminal dashboard(small("dashboard", {"--infinite"}), folder_.string(), {.rows = 50});
  ASSERT_TRUE(dashboard.shows("running"));
  ASSERT_TRUE(dashboard.shows("⣀") || dashboard.shows("⠤"));  // a curve
  dashboard.press('?');
  EXPECT_TRUE(dashboard.shows("page up and down"));
  dashboard.press('x');
  dashboard.press(' ');
  EXPECT_TRUE(dashboard.shows("paused"));
  dashboard.press(' ');
  dashboard.press('s');
  EXPECT_TRUE(dashboard.shows("saved"));
  dashboard.resize(10, 30);
  EXPECT_TRUE(dashboard.shows("too small"));
  dashboard.resize(40, 120);
  EXPECT_TRUE(dashboard.shows("small on cpu"));
  dashboard.press('q');
  EXPECT_EQ(dashboard.wait().code, 0);
  EXPECT_TRUE(has_colour(dashboard.all()));
  EXPECT_EQ(log().back()["reason"], "stopped");
  EXPECT_EQ(checkpoint().state.step, log().back()["step"]);
}

// Whether the page's server comes to tell that status.
bool tells(httplib::Client& page, const std::string& status) {
  const auto deadline = std::chrono::steady_clock::now() + kPatience;
  while (std::chrono::steady_clock::now() < deadline) {
    const auto answer = page.Get("/state");
    if (answer && nlohmann::json::parse(answer->body)["runs"][0]["status"] == status) return true;
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
  }
  return false;
}

// Each commands the run, and each shows what the other has done.
TEST_F(DashboardCommand, IsAScreenAndAPageAtOnce) {
  Terminal dashboard(small("dashboard", {"--infinite", "--no-generate", "--web", "0"}), folder_.string());
  ASSERT_TRUE(dashboard.shows("q quit"));  // below the address
  std::smatch address;
  ASSERT_TRUE(std::regex_search(dashboard.all(), address, std::regex("http://127.0.0.1:(\\d+)/#token=([0-9a-f]{32})")));
  httplib::Client page("127.0.0.1", std::stoi(address[1]));
  const httplib::Headers token = {{"X-Anemone-Token", address[2]}};
  ASSERT_TRUE(tells(page, "running"));
  const auto paused = page.Post("/pause", token, "", "text/plain");
  ASSERT_TRUE(paused);
  EXPECT_EQ(paused->status, 200);
  EXPECT_TRUE(dashboard.shows("paused"));
  EXPECT_TRUE(tells(page, "paused"));
  dashboard.press(' ');
  EXPECT_TRUE(tells(page, "running"));
  dashboard.press('q');
  EXPECT_EQ(dashboard.wait().code, 0);
  EXPECT_FALSE(page.Get("/state"));
  EXPECT_EQ(log().back()["reason"], "stopped");
}

TEST_F(DashboardCommand, ShowsOneOfSeveralLogsAtATimeBesideThePage) {
  for (const char* name : {"one", "two"}) {
    const std::string file = name;
    ASSERT_EQ(run(small("train", {"--steps", "3", "--log", file + ".jsonl", "--ckpt", file}), folder_.string()).code,
              0);
  }
  Terminal dashboard({"dashboard", "--web", "0", "--attach", "one.jsonl", "two.jsonl"}, folder_.string());
  ASSERT_TRUE(dashboard.shows("anemone 1/2"));
  dashboard.press('\t');
  EXPECT_TRUE(dashboard.shows("two"));  // the checkpoint, of which the log tells
  dashboard.press('q');
  EXPECT_EQ(dashboard.wait().code, 0);
}

TEST_F(DashboardCommand, DoesWithoutColourAndUnicode) {
  Terminal dashboard(small("dashboard", {"--infinite"}), folder_.string(), {.type = "vt100"});
  ASSERT_TRUE(dashboard.shows("running"));
  dashboard.press('q');
  EXPECT_EQ(dashboard.wait().code, 0);
  EXPECT_FALSE(has_colour(dashboard.all()));
  EXPECT_THAT(dashboard.all(), Not(HasSubstr("\xE2")));
  Terminal plain({"dashboard", "--attach", "runs/small.jsonl"}, folder_.string(), {.colour = false});
  ASSERT_TRUE(plain.shows("stopped"));
  plain.press('q');
  EXPECT_EQ(plain.wait().code, 0);
  EXPECT_FALSE(has_colour(plain.all()));
  EXPECT_THAT(plain.all(), HasSubstr("─"));
}

// One that it did not start goes on when the dashboard is quit.
TEST_F(DashboardCommand, AttachesToARunOfOthers) {
  Process trainer(small("train", {"--steps", kEndless, "--log", "log.jsonl"}), folder_.string());
  ASSERT_TRUE(trainer.prints("\nstep 50 "));
  {
    Terminal dashboard({"dashboard", "--attach", "log.jsonl", "--no-generate"}, folder_.string());
    ASSERT_TRUE(dashboard.shows("running"));
    dashboard.press(' ');
    EXPECT_TRUE(dashboard.shows("paused"));
    dashboard.press(' ');
    EXPECT_TRUE(dashboard.shows("running"));
    dashboard.press('q');
    EXPECT_EQ(dashboard.wait().code, 0);
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
  const auto run_of = [](const std::string& steps) {
    return small("train", {"--scratch", "--schedule", "constant", "--accum", "3", "--steps", steps});
  };
  Process process(with(run_of(kEndless), {"--log", "log.jsonl"}), folder_.string());
  ASSERT_TRUE(process.prints("\nstep 50 "));
  process.signal(SIGUSR1);
  ASSERT_TRUE(process.prints("[ckpt saved"));
  process.signal(SIGTSTP);
  ASSERT_TRUE(process.prints("[paused after step"));
  process.signal(SIGCONT);
  process.signal(SIGINT);
  EXPECT_EQ(process.wait().code, 0);
  const std::string last = std::to_string(checkpoint().state.step + 100);
  const Arguments resumed = {"train", "--resume", "--ckpt", "runs/small.safetensors", "--threads", "1"};
  EXPECT_EQ(run(with(resumed, {"--steps", last, "--log", "log.jsonl"}), folder_.string()).code, 0);
  const std::string saved = bytes("runs/small.safetensors");
  EXPECT_EQ(run(run_of(last), folder_.string()).code, 0);
  EXPECT_TRUE(saved == bytes("runs/small.safetensors"));
  for (const nlohmann::json& line : log("log.jsonl")) {
    EXPECT_EQ(schema_errors(line, ANEMONE_SOURCE_DIR "/docs/anemone-log-1.schema.json"), "") << line;
  }
}

// A pause is announced before the process stands still; who hears of it may let it go on before it does.
TEST_F(DashboardCommand, GoesOnWhereItWasAskedBeforeItStoodStill) {
  Process process(small("train", {"--steps", kEndless}), folder_.string());
  ASSERT_TRUE(process.prints("\nstep 50 "));
  for (size_t round = 0; round < 50; ++round) {
    const size_t before = process.out().size();
    process.signal(SIGTSTP);
    const auto deadline = std::chrono::steady_clock::now() + kPatience;
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
