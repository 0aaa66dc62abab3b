#include "device/sim/time/chip.h"

#include <gtest/gtest.h>

namespace anemone::sim {
namespace {

TEST(Chip, EachHasAllFiguresWithTheirSources) {
  for (const std::string& name : mil::chip_names()) {
    const ChipModel& model = chip(*mil::parse_chip(name));
    EXPECT_EQ(model.name, name);
    EXPECT_FALSE(model.engine.empty()) << name;
    for (const FigureName& entry : figure_names()) {
      const Figure& figure = model.*entry.figure;
      EXPECT_FALSE(figure.source.empty()) << name << " " << entry.name;
      EXPECT_GE(*figure, 0) << name << " " << entry.name;
    }
  }
}

TEST(Chip, BorrowsFromOneThatHasTheFigure) {
  int borrowed = 0;
  for (const std::string& name : mil::chip_names()) {
    for (const FigureName& entry : figure_names()) {
      const Figure& figure = chip(*mil::parse_chip(name)).*entry.figure;
      if (figure.borrowed_from.empty()) continue;
      ++borrowed;
      const auto lender = mil::parse_chip(figure.borrowed_from);
      ASSERT_TRUE(lender) << figure.borrowed_from;
      EXPECT_EQ(*figure, *(chip(*lender).*entry.figure)) << name << " " << entry.name;
      EXPECT_TRUE((chip(*lender).*entry.figure).borrowed_from.empty());
    }
  }
  EXPECT_GT(borrowed, 0);
}

// 16 cores · 256 multiply-adds · 2 at 2364 MHz: the M4's published 19.4 TFLOPS.
TEST(Chip, PeakFollowsFromItsClock) { EXPECT_NEAR(chip(mil::Chip::m4).peak_flops(), 19.4e12, 0.05e12); }

}  // namespace
}  // namespace anemone::sim
