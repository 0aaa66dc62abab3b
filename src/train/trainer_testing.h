// For tests: a run small enough to take milliseconds.
//
//   SmallRun run(small_options(), testing::TempDir() + "run.safetensors");
//   run.trainer().initialize();
//   Recorder recorder;
//   EXPECT_TRUE(run.trainer().run(recorder));
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <limits>

#include "base/random.h"
#include "train/trainer.h"

namespace anemone::train {

inline model::Config small_config() {
  return {.name = "small",
          .layers = 2,
          .dim = 16,
          .hidden = 24,
          .heads = 4,
          .kv_heads = 2,
          .head_dim = 8,
          .vocab = 50,
          .seq = 8};
}

// 13 steps of 2 windows, an update after every 3 and after the last.
inline TrainOptions small_options() {
  TrainOptions options;
  options.batch = 2;
  options.seq = 8;
  options.accumulation = 3;
  options.steps = 13;
  options.schedule = {.peak = 1e-2, .warmup = 4};
  options.validation = 4;
  options.save_every = 4;
  return options;
}

// Every second id of small_config()'s vocabulary, at random.
inline text::TokenFile even_tokens(int64_t count = 1000) {
  Random random(7);
  std::vector<int32_t> ids(static_cast<size_t>(count));
  for (int32_t& id : ids) id = static_cast<int32_t>(2 * random.below(25));
  return text::TokenFile::in_memory(ids, small_config().vocab);
}

// Keeps what it hears, and asks to stop after `last_step` steps.
struct Recorder final : TrainingObserver {
  explicit Recorder(int64_t last_step = std::numeric_limits<int64_t>::max()) : last(last_step) {}
  void on_step(const StepReport& report) override { steps.push_back(report); }
  void on_checkpoint(const CheckpointReport& report) override { checkpoints.push_back(report); }
  bool wants_stop() override { return steps.back().step + 1 >= last; }

  int64_t last;
  std::vector<StepReport> steps;
  std::vector<CheckpointReport> checkpoints;
};

class SmallRun {
 public:
  SmallRun(const TrainOptions& options, std::string path)
      : path_(std::move(path)), device_(*open_device("cpu", {.precision = options.precision})) {
    auto trainer = Trainer::create(
        *device_, {.config = small_config(), .options = options, .tokens = &tokens_, .checkpoint = path_});
    EXPECT_TRUE(trainer) << trainer.error().message;
    trainer_ = *std::move(trainer);
  }

  Trainer& trainer() { return *trainer_; }
  const std::string& path() const { return path_; }

  // The error of a run that must fail.
  std::string error(Recorder recorder = Recorder()) {
    const Result<RunSummary> summary = trainer_->run(recorder);
    return summary ? "" : summary.error().message;
  }

 private:
  std::string path_;
  text::TokenFile tokens_ = even_tokens();
  std::unique_ptr<Device> device_;
  std::unique_ptr<Trainer> trainer_;
};

// A folder of the test's own, empty.
inline std::string fresh_folder() {
  const testing::TestInfo& test = *testing::UnitTest::GetInstance()->current_test_info();
  std::string name = std::string(test.test_suite_name()) + "." + test.name();
  std::ranges::replace(name, '/', '_');
  const std::filesystem::path folder = std::filesystem::path(testing::TempDir()) / ("anemone_" + name);
  std::filesystem::remove_all(folder);
  std::filesystem::create_directories(folder);
  return folder.string() + "/";
}

inline std::vector<std::string> files_in(const std::string& folder) {
  std::vector<std::string> names;
  for (const auto& entry : std::filesystem::directory_iterator(folder)) names.push_back(entry.path().filename());
  std::ranges::sort(names);
  return names;
}

}  // namespace anemone::train
