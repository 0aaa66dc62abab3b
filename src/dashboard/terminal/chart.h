// A curve in braille, 2 × 4 dots a cell, or in ASCII.
//
//   draw_loss(screen, {3, 0, 10, 60}, run, /*unicode=*/true);
#pragma once

#include "dashboard/run.h"
#include "dashboard/terminal/screen.h"

namespace anemone::dashboard {

// The loss of every step, from least to most where there are many to a dot, its smoothed course over it, and labels of
// three losses and of the steps at both ends.
void draw_loss(Screen& screen, const Rect& place, const Run& run, bool unicode);

// The last `seconds` of a series over time, from 0 to its most, as a row of blocks.
std::string sparkline(const Series& series, int columns, int64_t seconds, bool unicode);

}  // namespace anemone::dashboard
