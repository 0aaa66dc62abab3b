#include "device/sim/time/published.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "device/sim/time/chip.h"

namespace anemone::sim {
namespace {

const PublishedTable* find(std::string_view name) {
  for (const PublishedTable& table : published_tables()) {
    if (table.name == name) return &table;
  }
  return nullptr;
}

TEST(Published, HasTheSeedsConfigurations) {
  ASSERT_NE(find("inmem_peak"), nullptr);
  ASSERT_NE(find("sram_probe"), nullptr);
  EXPECT_EQ(find("inmem_peak")->rows.size(), 10U);
  EXPECT_EQ(find("sram_probe")->rows.size(), 13U);
  const PublishedRow& last = find("sram_probe")->rows.back();
  EXPECT_EQ(last.program.channels, 8192);
  EXPECT_EQ(last.program.width, 32);
  EXPECT_EQ(last.value(), 3.416);  // the median of 3.416, 3.426 and 3.403
}

TEST(Published, EachTableSaysWhereItComesFromAndWhatItFitted) {
  for (const PublishedTable& table : published_tables()) {
    EXPECT_FALSE(table.source.empty()) << table.name;
    EXPECT_FALSE(table.rows.empty()) << table.name;
    for (const std::string& fitted : table.calibrates) {
      const auto known = [&](const FigureName& entry) { return entry.name == fitted; };
      EXPECT_TRUE(std::ranges::any_of(figure_names(), known)) << table.name << " " << fitted;
    }
    for (const PublishedRow& row : table.rows) EXPECT_GT(row.value(), 0) << table.name << " " << row.label;
  }
}

// 128 convolutions of 512 channels over 64 pixels are 4.295 GFLOP.
TEST(Published, TurnsSpeedsIntoTimes) {
  const PublishedTable* best = find("inmem_peak, best of each chip");
  ASSERT_NE(best, nullptr);
  EXPECT_NEAR(best->milliseconds(best->rows[2], 2.0 * 512 * 512 * 64 * 128), 0.3417, 1e-3);
}

}  // namespace
}  // namespace anemone::sim
