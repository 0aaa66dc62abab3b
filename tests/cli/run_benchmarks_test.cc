// scripts/run_benchmarks.sh with a program in anemone's place that records its calls.
#include <gmock/gmock.h>

#include <filesystem>
#include <fstream>

#include "base/file.h"
#include "process.h"

namespace anemone::cli {
namespace {

namespace fs = std::filesystem;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;

// It knows the commands of its help, and fails at `bench int8`.
constexpr const char* kStandIn = R"(#!/bin/sh
case $* in
  *--help)
    printf '  train   x\n  bench   x\n'
    for name in inmem_peak inmem_basic int8 offload sim_model; do printf '  %s   x\n' $name; done
    exit 0 ;;
esac
echo "$*" >>calls.txt
echo "output of $*"
[ "$2" != int8 ] || { echo "out of memory" >&2; exit 3; }
)";

class RunBenchmarks : public testing::Test {
 protected:
  RunBenchmarks() {
    fs::remove_all(folder_);
    fs::create_directories(folder_);
    std::ofstream(folder_ + "anemone") << kStandIn;
    fs::permissions(folder_ + "anemone", fs::perms::owner_all);
  }

  Outcome script(Arguments arguments) {
    arguments.insert(arguments.begin(), {ANEMONE_SOURCE_DIR "/scripts/run_benchmarks.sh", "--anemone", "./anemone"});
    return run(arguments, folder_, "/bin/bash");
  }

  // Without the folder of checkpoints, which has another name each time.
  std::vector<std::string> calls() const {
    std::vector<std::string> lines;
    std::ifstream file(folder_ + "calls.txt");
    for (std::string line; std::getline(file, line);) lines.push_back(line.substr(0, line.find(" --ckpt")));
    return lines;
  }

  std::string report(const std::string& folder) const {
    for (const fs::directory_entry& entry : fs::directory_iterator(folder_ + folder)) {
      const std::string name = entry.path().filename().string();
      if (name.starts_with("benchmark_results_") && name.ends_with(".txt")) return *read_text(entry.path().string());
    }
    return "";
  }

  std::string folder_ = testing::TempDir() + "anemone_run_benchmarks_" +
                        testing::UnitTest::GetInstance()->current_test_info()->name() + "/";
};

TEST_F(RunBenchmarks, GoesOnPastFailuresAndCountsThem) {
  const Outcome outcome = script({"--steps", "7", "--device", "sim:m4", "--out", "results"});
  EXPECT_EQ(outcome.code, 1) << outcome.err;
  EXPECT_THAT(calls(), ElementsAre("devices", "train --preset train_large --device sim:m4 --steps 7 --scratch",
                                   "train --preset train_large_ane --device sim:m4 --steps 7 --scratch",
                                   "bench offload --device sim:m4", "bench inmem_peak --device sim:m4",
                                   "bench inmem_basic --device sim:m4", "bench int8 --device sim:m4",
                                   "bench train --device sim:m4", "bench sim_model"));
  const std::string text = report("results");
  EXPECT_THAT(text, HasSubstr("output of bench inmem_peak --device sim:m4"));
  EXPECT_THAT(text, HasSubstr("out of memory"));
  EXPECT_THAT(text, HasSubstr("--- skipped: bench sram_probe: this anemone has no such command"));
  EXPECT_THAT(text, HasSubstr("--- skipped: probe: this anemone has no such command"));
  EXPECT_THAT(text, HasSubstr("  FAILED  bench int8 (exit 3 "));
  EXPECT_THAT(text, HasSubstr("Total:   13\nPassed:  7\nFailed:  1\nSkipped: 5\n"));
  EXPECT_LT(text.find("=== SUMMARY ==="), text.find("Total:"));
  for (const char* head : {"machine:", "system:", "device:    sim:m4"}) EXPECT_LT(text.find(head), text.find("==="));
  EXPECT_THAT(outcome.out, HasSubstr(text));  // what the terminal shows
}

TEST_F(RunBenchmarks, RunsOnlyWhatIsChosen) {
  EXPECT_EQ(script({"--training-only"}).code, 0);
  EXPECT_THAT(calls(), ElementsAre("devices", "train --preset train_large --device cpu --steps 100 --scratch",
                                   "train --preset train_large_ane --device cpu --steps 100 --scratch",
                                   "bench offload --device cpu"));
  EXPECT_THAT(report(""), HasSubstr("Total:   3\nPassed:  3\nFailed:  0\nSkipped: 0\n"));
  fs::remove(folder_ + "calls.txt");
  EXPECT_EQ(script({"--probes-only"}).code, 0);
  EXPECT_THAT(calls(), ElementsAre("devices"));
  EXPECT_EQ(script({"--benchmarks-only"}).code, 1);
}

TEST_F(RunBenchmarks, KeepsNoCheckpoints) {
  std::ofstream(folder_ + "anemone")
      << "#!/bin/sh\ncase $* in train*--ckpt*) for path; do :; done; echo weights >\"$path\"; "
         "echo \"$path\" >>paths.txt ;; esac\n";
  EXPECT_EQ(script({"--training-only"}).code, 0);
  std::ifstream paths(folder_ + "paths.txt");
  int seen = 0;
  for (std::string path; std::getline(paths, path); ++seen) EXPECT_FALSE(fs::exists(path)) << path;
  EXPECT_EQ(seen, 2);
}

TEST_F(RunBenchmarks, RefusesWhatItDoesNotKnow) {
  EXPECT_EQ(script({"--stepps", "3"}).code, 2);
  EXPECT_EQ(script({"--steps", "many"}).code, 2);
  EXPECT_EQ(script({"--steps"}).code, 2);
  EXPECT_THAT(script({"--anemone", "./none"}).err, HasSubstr("./none does not run"));
  const Outcome help = script({"--help"});
  EXPECT_EQ(help.code, 0);
  for (const char* flag :
       {"--all", "--training-only", "--probes-only", "--benchmarks-only", "--steps N", "--device D"}) {
    EXPECT_THAT(help.out, HasSubstr(flag));
  }
  EXPECT_TRUE(calls().empty());
}

}  // namespace
}  // namespace anemone::cli
