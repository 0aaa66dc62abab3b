#include "bench/compare.h"

#include <gmock/gmock.h>

#include "base/json.h"
#include "base/random.h"

namespace anemone::bench {
namespace {

using results::Configuration;
using testing::HasSubstr;

// 200 runs around so many milliseconds, with a standard deviation of 3 %.
Configuration timed(const std::string& label, double ms, uint64_t seed) {
  Configuration c;
  c.label = label;
  c.derived.emplace();
  Random random(seed);
  for (int i = 0; i < 200; ++i) c.times_ns.push_back(static_cast<int64_t>(ms * 1e6 * (1 + 0.03 * random.normal())));
  return c;
}

Configuration failed(const std::string& label) {
  Configuration c;
  c.label = label;
  c.failure = {"run", "out of memory"};
  return c;
}

results::File file(std::vector<Configuration> configurations) {
  results::File file;
  file.path = "x.json";
  file.clock = "host";
  file.benchmarks.push_back({"int8", std::move(configurations), {}});
  return file;
}

ComparedConfiguration compared(const Configuration& before, const Configuration& after, double threshold = 0.05) {
  return compare(file({before}), file({after}), threshold).rows.at(0);
}

TEST(Compare, FindsTheRatioThatTheDataHave) {
  const ComparedConfiguration slower = compared(timed("a", 2, 1), timed("a", 2.4, 2));
  EXPECT_NEAR(slower.ratio.value, 1.2, 0.01);
  EXPECT_LT(slower.ratio.low, 1.2);
  EXPECT_GT(slower.ratio.high, 1.2);
  EXPECT_EQ(slower.verdict, Verdict::slower);
  EXPECT_TRUE(slower.regression);
  const ComparedConfiguration faster = compared(timed("a", 2, 1), timed("a", 1.6, 2));
  EXPECT_NEAR(faster.ratio.value, 0.8, 0.01);
  EXPECT_EQ(faster.verdict, Verdict::faster);
  EXPECT_FALSE(faster.regression);
}

TEST(Compare, CallsARegressionOnlyWhatIsSurelyBeyondTheThreshold) {
  const Configuration before = timed("a", 2, 1), after = timed("a", 2.06, 2);  // 3 %
  EXPECT_EQ(compared(before, after).verdict, Verdict::slower);
  EXPECT_FALSE(compared(before, after).regression);
  EXPECT_TRUE(compared(before, after, 0.01).regression);
  EXPECT_FALSE(compared(before, after, 0.03).regression);  // the interval reaches both sides
}

TEST(Compare, SeldomSeesADifferenceWhereThereIsNone) {
  int differences = 0;
  for (uint64_t seed = 0; seed < 100; ++seed) {
    differences += compared(timed("a", 2, 2 * seed), timed("a", 2, 2 * seed + 1)).verdict != Verdict::same ? 1 : 0;
  }
  EXPECT_LE(differences, 12);  // 5 of 100 are expected; 13 or more come once in 500 times
}

TEST(Compare, TakesTimesThatDoNotScatterOrTick) {
  Configuration once = timed("a", 2, 1), zero = once;
  once.times_ns = {1000};
  zero.times_ns = {0};
  EXPECT_EQ(compared(once, once).verdict, Verdict::same);
  EXPECT_EQ(compared(once, once).ratio.high, 1);
  EXPECT_DOUBLE_EQ(compared(zero, once).ratio.value, 1000);
}

TEST(Compare, ListsWhatFailsAndWhatIsMissing) {
  Configuration wider = timed("c", 2, 1);
  wider.parameters.width = 32;
  const results::File before = file({timed("a", 1, 1), failed("b"), timed("c", 1, 1), failed("d")});
  const results::File after = file({failed("a"), timed("b", 1, 1), wider, failed("d")});
  const Comparison comparison = compare(before, after, 0.05);
  ASSERT_EQ(comparison.rows.size(), 3);
  EXPECT_EQ(comparison.rows[0].verdict, Verdict::fails);
  EXPECT_EQ(comparison.rows[1].verdict, Verdict::works);
  EXPECT_EQ(comparison.rows[2].verdict, Verdict::broken);
  EXPECT_EQ(comparison.regressions(), 1);
  EXPECT_EQ(comparison.only_before.at(0).label, "c");  // of other parameters
  EXPECT_EQ(comparison.only_after.at(0).label, "c");
}

TEST(Compare, TellsWhatMakesTimesHardToCompare) {
  results::File before = file({timed("a", 1, 1)}), after = before;
  after.clock = "modelled";
  const Comparison comparison = compare(before, after, 0.05);
  const std::string text = to_text(comparison, before, after);
  EXPECT_THAT(text, HasSubstr("the clock differs: host, then modelled"));
  EXPECT_THAT(text, HasSubstr("same within noise"));
  const auto json = nlohmann::json::parse(to_json(comparison, before, after));
  EXPECT_EQ(json["configurations"][0]["ratio"], 1);
  EXPECT_EQ(json["regressions"], 0);
  EXPECT_EQ(json["differences"].size(), 1);
}

}  // namespace
}  // namespace anemone::bench
