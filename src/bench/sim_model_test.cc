#include "bench/sim_model.h"

#include <gtest/gtest.h>

#include <cmath>

#include "bench/fit.h"

namespace anemone::bench {
namespace {

const SimModelReport& report() {
  static const SimModelReport kReport = compare_with_published("").value();
  return kReport;
}

const ComparedTable& table(std::string_view name) {
  for (const ComparedTable& t : report().tables) {
    if (t.table->name == name) return t;
  }
  ADD_FAILURE() << "no table " << name;
  return report().tables[0];
}

TEST(SimModel, MeetsItsAimWhereItWasCalibrated) {
  for (const char* name : {"inmem_peak", "sram_probe", "ane_int8_bench, FP16", "One convolution"}) {
    const ErrorSummary errors = *table(name).errors(), left_out = *table(name).left_out();
    EXPECT_LT(errors.median, 0.10) << name;
    EXPECT_LT(errors.worst, 0.30) << name;
    EXPECT_LT(left_out.median, 0.10) << name;
    EXPECT_LT(left_out.worst, 0.30) << name;
  }
}

// No figure was fitted to these.
TEST(SimModel, MeetsItWhereItWasNot) {
  const ComparedTable& int8 = table("ane_int8_bench, W8A8");
  EXPECT_LT(int8.errors()->worst, 0.10);
  const ComparedTable& training = table("Training, the engine's part of a step");
  for (const ComparedRow& row : training.rows) {
    if (row.chip.starts_with("m4")) {
      EXPECT_LT(std::abs(*row.error()), 0.10) << row.label;
    }
  }
}

TEST(SimModel, FilesHoldWhatTheFitGives) {
  EXPECT_FALSE(report().figures.empty());
  for (const FittedFigure& f : report().figures) {
    EXPECT_NEAR(f.fitted / f.in_file, 1, 0.01) << f.chip << " " << f.name;
  }
}

TEST(SimModel, LeavesOutWhatItCannotPredict) {
  for (const ComparedRow& row : table("Convolution as a constant").rows) EXPECT_FALSE(row.predicted_ms) << row.label;
  EXPECT_FALSE(table("Training, whole steps").errors());
}

TEST(SimModel, ShowsOneChipOnly) {
  const SimModelReport m6 = compare_with_published("m6").value();
  EXPECT_FALSE(m6.tables.empty());
  for (const ComparedTable& t : m6.tables) {
    for (const ComparedRow& row : t.rows) EXPECT_EQ(row.chip, "m6");
  }
}

// Times made with a floor of 0.3 ms and 50 GB/s give these back.
TEST(Fit, FindsTheFiguresThatMadeTheTimes) {
  sim::ChipModel truth = sim::chip(mil::Chip::m4);
  truth.floor_ms.value = 0.3;
  truth.weight_gbs.value = 50;
  std::vector<Workload> workloads;
  for (int64_t megabytes : {1, 4, 20, 90}) {
    const sim::Layer layer{.op = "conv", .macs = 1, .weight_bytes = megabytes * 1'000'000};
    workloads.push_back({.programs = {{{layer}, 1}}, .quantity = sim::Quantity::evaluation});
  }
  std::vector<Observation> observations;
  for (const Workload& workload : workloads) observations.push_back({&workload, workload.milliseconds(truth)});
  const sim::ChipModel fitted =
      fit(sim::chip(mil::Chip::m4), {&sim::ChipModel::floor_ms, &sim::ChipModel::weight_gbs}, observations);
  EXPECT_NEAR(*fitted.floor_ms, 0.3, 0.003);
  EXPECT_NEAR(*fitted.weight_gbs, 50, 0.5);
}

}  // namespace
}  // namespace anemone::bench
