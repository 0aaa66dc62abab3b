#include "bench/train.h"

#include <gtest/gtest.h>

#include <numeric>

#include "base/json.h"

namespace anemone::bench {
namespace {

constexpr int64_t kSeq = 70;  // more than a block of attention

model::Config tiny_config() {
  return {.name = "tiny",
          .layers = 2,
          .dim = 32,
          .hidden = 48,
          .heads = 4,
          .kv_heads = 2,
          .head_dim = 8,
          .vocab = 61,
          .seq = kSeq};
}

TrainReport report_of(const TrainingRunOptions& options) {
  const auto device = open_device("cpu", {.precision = options.precision});
  EXPECT_TRUE(device);
  auto report = bench_train(**device, tiny_config(), options, /*steps=*/4);
  EXPECT_TRUE(report) << report.error().message;
  return *std::move(report);
}

class BenchTrain : public testing::TestWithParam<std::tuple<Precision, model::WeightSource>> {};

TEST_P(BenchTrain, AccountsForTheStepAndItsLimit) {
  const auto [precision, source] = GetParam();
  const TrainReport report = report_of({.source = source, .precision = precision, .batch = 2, .seq = kSeq});
  ASSERT_EQ(report.steps.size(), 4u);
  EXPECT_LE(report.best().total, report.median().total);
  EXPECT_LE(report.median().total, report.steps.back().total);
  EXPECT_GT(report.limit_milliseconds(), 0);
  EXPECT_DOUBLE_EQ(report.fraction_of_limit(), report.limit_milliseconds() / report.steps.front().total);
  EXPECT_DOUBLE_EQ(report.tokens_per_second(), 2 * kSeq * 1e3 / report.steps[1].total);
  const TimedStep& step = report.median();
  const StepShares shares = shares_of(step);
  const double programs = std::accumulate(step.programs.begin(), step.programs.end(), 0.0,
                                          [](double sum, const auto& program) { return sum + program.second; });
  EXPECT_NEAR(programs, shares.programs, 1e-6);  // each under its name
  EXPECT_GT(shares.optimizer, 0);
  EXPECT_GE(shares.other, 0);  // nothing is counted twice
}

INSTANTIATE_TEST_SUITE_P(Everywhere, BenchTrain,
                         testing::Combine(testing::Values(Precision::fp32, Precision::fp16, Precision::bf16),
                                          testing::Values(model::WeightSource::baked, model::WeightSource::dynamic)));

TEST(BenchTrainJson, HasWhatTheDocumentNames) {
  const TrainReport report = report_of({.batch = 1, .seq = kSeq});
  const auto json = nlohmann::json::parse(to_json(report, {.name = "cpu", .description = "a processor"}));
  EXPECT_EQ(json["config"], "tiny");
  EXPECT_EQ(json["precision"], "fp32");
  EXPECT_EQ(json["weights"], "baked");
  EXPECT_DOUBLE_EQ(json["ms_per_step"], report.median().total);
  EXPECT_DOUBLE_EQ(json["best_ms_per_step"], report.best().total);
  EXPECT_DOUBLE_EQ(json["fraction_of_limit"], double{json["limit"]["ms"]} / double{json["best_ms_per_step"]});
  EXPECT_DOUBLE_EQ(json["limit"]["ms"], double{json["limit"]["products_ms"]} + double{json["limit"]["optimizer_ms"]});
  EXPECT_EQ(json["limit"]["optimizer_bytes"], 28 * tiny_config().parameter_count());
  EXPECT_GT(json["resident_bytes"], 1 << 20);
  EXPECT_GE(json["peak_resident_bytes"], json["resident_bytes"]);
  double sum = 0;
  for (const auto& [name, milliseconds] : json["shares_ms"].items()) sum += double{milliseconds};
  EXPECT_NEAR(sum, json["ms_per_step"], 1e-6);
  EXPECT_TRUE(json["programs_ms"].contains("fwdAttn")) << json["programs_ms"].dump();
}

TEST(BenchTrainFails, WhereNoStepCanBe) {
  const auto device = open_device("cpu", {});
  ASSERT_TRUE(device);
  const auto report = bench_train(**device, tiny_config(), {.batch = 1 << 20, .seq = 1 << 20}, 1);
  ASSERT_FALSE(report);
  EXPECT_NE(report.error().message.find("tokens"), std::string::npos) << report.error().message;
}

TEST(Process, CountsTheFirstTouchOfPages) {
  const int64_t before = page_faults();
  Buffer<char> memory(size_t{64} << 20);
  for (size_t at = 0; at < memory.size(); at += 4096) memory[at] = 1;
  EXPECT_GT(page_faults(), before);
  EXPECT_GT(resident_memory().peak, 64 << 20);
}

}  // namespace
}  // namespace anemone::bench
