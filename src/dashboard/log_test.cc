#include "dashboard/log.h"

#include <gtest/gtest.h>

#include <chrono>
#include <cmath>
#include <filesystem>
#include <fstream>

#include "base/temporary_folder.h"
#include "dashboard/watch.h"

namespace anemone::dashboard {
namespace {

std::string step(int64_t number, const std::string& loss = "2.5") {
  return fmt::format(R"({{"type":"step","step":{},"loss":{},"ms":10,"tokens":64,"t_ane":4}})", number, loss) + "\n";
}

std::string begin(int64_t first_step, int64_t steps = 100) {
  return fmt::format(R"({{"type":"run","model":"tiny","device":"cpu","steps":{},"first_step":{}}})", steps,
                     first_step) +
         "\n";
}

class Log : public testing::Test {
 protected:
  void append(const std::string& text) const { std::ofstream(path_, std::ios::app | std::ios::binary) << text; }
  void write(const std::string& text) const { std::ofstream(path_, std::ios::trunc | std::ios::binary) << text; }

  TemporaryFolder folder_ = TemporaryFolder::create().value();
  std::string path_ = folder_.path() + "/log.jsonl";
};

TEST_F(Log, WaitsForTheFileAndForTheEndOfALine) {
  LogFollower log(path_);
  EXPECT_FALSE(log.poll());
  const std::string line = step(0);
  append(line.substr(0, 20));
  EXPECT_TRUE(log.poll()->records.empty());
  append(line.substr(20) + step(1));
  const News news = log.poll().value();
  ASSERT_EQ(news.records.size(), 2U);
  EXPECT_EQ(std::get<StepRecord>(news.records[1]).step, 1);
  EXPECT_EQ(std::get<StepRecord>(news.records[0]).timers[0], 4);
  EXPECT_EQ(log.garbage(), 0);
  EXPECT_TRUE(log.poll()->records.empty());
}

TEST_F(Log, PassesOverGarbage) {
  append(step(0) + "Segmentation fault\n{\"type\":\"step\"\n[1,2]\n{\"type\":7}\n{\"type\":\"unheard\"}\n" +
         R"({"type":"step","step":"1","loss":2})" + "\n" + R"({"type":"step","step":-1,"loss":2})" + "\n" +
         std::string("\0\xFF\x1B[2J\n", 7) + std::string(3'000'000, '[') + "\n\n" + step(1));
  LogFollower log(path_);
  const News news = log.poll().value();
  EXPECT_EQ(news.records.size(), 2U);
  EXPECT_EQ(log.garbage(), 9);
}

TEST_F(Log, ReadsWhatIsNoNumberAsSuch) {
  append(step(0, "null"));
  LogFollower log(path_);
  const News news = log.poll().value();
  ASSERT_EQ(news.records.size(), 1U);
  EXPECT_TRUE(std::isnan(std::get<StepRecord>(news.records[0]).loss));
}

TEST_F(Log, BeginsAgainWhereTheFileIsAnother) {
  Watch watch(path_);
  write(begin(0) + step(0) + step(1) + step(2));
  watch.poll();
  EXPECT_EQ(watch.run().steps_done(), 3);
  write(begin(0) + step(0));  // truncated
  watch.poll();
  EXPECT_EQ(watch.run().steps_done(), 1);
  write(begin(0, 7) + step(0) + step(1) + step(2) + step(3));  // written anew, longer than before
  watch.poll();
  EXPECT_EQ(watch.run().steps_done(), 4);
  EXPECT_EQ(watch.run().steps_planned(), 7);
  std::filesystem::rename(path_, path_ + ".old");  // replaced
  watch.poll();
  EXPECT_NE(watch.error(), "");
  write(begin(0, 9) + step(0) + step(1) + step(2) + step(3) + step(4));
  watch.poll();
  EXPECT_EQ(watch.error(), "");
  EXPECT_EQ(watch.run().steps_done(), 5);
  EXPECT_EQ(watch.run().steps_planned(), 9);
}

// Killed at step 6 and resumed from the checkpoint of step 4: nothing counts twice.
TEST_F(Log, ResumedRunsGoOn) {
  std::string text = begin(0);
  for (int i = 0; i < 6; ++i) text += step(i, i == 5 ? "0.5" : "2");
  text += begin(4);
  for (int i = 4; i < 8; ++i) text += step(i, "1");
  write(text);
  Watch watch(path_);
  watch.poll();
  const auto& run = watch.run();
  EXPECT_EQ(run.steps_done(), 8);
  EXPECT_EQ(run.series(Quantity::loss).range(0, 7, 8).size(), 8U);
  EXPECT_EQ(run.best()->loss, 1);  // what was taken back is not the best
  EXPECT_EQ(run.speed().milliseconds, 10);
  EXPECT_EQ(run.speed().tokens_per_second, 6400);
}

TEST_F(Log, SaysHowTheRunEnds) {
  Watch watch(path_);
  write(begin(0) + step(0));
  watch.poll();
  EXPECT_EQ(watch.run().status(), Status::running);
  watch.poll();  // nobody holds the lock of the log
  EXPECT_EQ(watch.run().status(), Status::died);
  append(begin(1) + step(1) + R"({"type":"pause","step":1,"paused":true})" + "\n");
  watch.poll();
  EXPECT_EQ(watch.run().status(), Status::paused);
  append(R"({"type":"error","message":"no \u001b[31mspace"})" + std::string("\n"));
  watch.poll();
  EXPECT_EQ(watch.run().status(), Status::failed);
  append(begin(1) + R"({"type":"end","step":100,"reason":"finished"})" + "\n");
  watch.poll();
  EXPECT_EQ(watch.run().status(), Status::finished);
}

// A hundred megabytes in pieces, quickly and in little memory.
TEST_F(Log, TakesAMillionSteps) {
  {
    std::ofstream file(path_, std::ios::binary);
    file << begin(0, 1'000'000);
    for (int64_t i = 0; i < 1'000'000; ++i) file << step(i);
  }
  const auto start = std::chrono::steady_clock::now();
  Watch watch(path_);
  int polls = 1;
  while (watch.poll()) ++polls;
  EXPECT_EQ(watch.run().steps_done(), 1'000'000);
  EXPECT_GT(polls, 10);  // a view is drawn between them
  EXPECT_LE(watch.run().series(Quantity::loss).range(0, 999'999, 1'000'000).size(), 2048U);
  EXPECT_LT(std::chrono::steady_clock::now() - start, std::chrono::seconds(60));
}

}  // namespace
}  // namespace anemone::dashboard
