// The learning rate of each step.
//
//   Schedule schedule{.peak = 3e-4, .warmup = 100, .total = 10000};
//   const double rate = schedule.rate(step);     // the one to use is the one to show
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <numbers>

namespace anemone::train {

struct Schedule {
  enum class Kind { constant, cosine };

  Kind kind = Kind::cosine;
  double peak = 3e-4;
  int64_t warmup = 0;        // steps of linear rise
  int64_t total = 0;         // the step at which cosine decay reaches its floor, and stays there
  double floor_ratio = 0.1;  // floor / peak

  // peak·(step+1)/warmup below `warmup`; then peak, or floor + (peak − floor)·(1 + cos(π·progress))/2.
  double rate(int64_t step) const {
    if (step < warmup) return peak * static_cast<double>(step + 1) / static_cast<double>(warmup);
    if (kind == Kind::constant) return peak;
    const double floor = floor_ratio * peak;
    return floor + (peak - floor) * 0.5 * (1 + std::cos(std::numbers::pi * progress(step)));
  }
  bool operator==(const Schedule&) const = default;

 private:
  double progress(int64_t step) const {  // 0 where the decay begins, 1 from `total` on
    if (step >= total) return 1;
    return static_cast<double>(step - warmup) / static_cast<double>(total - warmup);
  }
};

}  // namespace anemone::train
