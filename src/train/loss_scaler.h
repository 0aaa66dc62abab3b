// The factor on the loss that keeps fp16 gradients between underflow and overflow.
//
//   LossScaler scaler = LossScaler::dynamic();
//   ... backward of scaler.scale() · loss ...
//   if (scaler.accept(std::isfinite(squared_norm(gradients)))) optimizer.step(...);   // else: skip this update
//
// Dynamic scaling halves on overflow and doubles after 2000 good updates in a row (Micikevicius et al. 2018).
#pragma once

#include <algorithm>
#include <cstdint>

namespace anemone::train {

class LossScaler {
 public:
  struct State {
    double scale = 1;
    int64_t good = 0;     // updates since the scale last changed
    int64_t skipped = 0;  // updates skipped in a row
    bool operator==(const State&) const = default;
  };

  static constexpr double kInitial = 0x1p16;
  static constexpr double kLargest = 0x1p24;
  static constexpr double kSmallest = 1;
  static constexpr int64_t kGrowthInterval = 2000;

  static LossScaler none() { return fixed(1); }
  static LossScaler fixed(double scale) { return LossScaler(scale, false); }  // the seed: 256
  static LossScaler dynamic(double initial = kInitial) { return LossScaler(initial, true); }

  double scale() const { return state_.scale; }

  // Takes note of whether all gradients of an update were finite, and says whether to apply it.
  bool accept(bool finite) {
    finite ? grow() : back_off();
    return finite;
  }

  // Updates skipped in a row: more than the scale has halvings left means that scaling cannot help.
  int64_t skipped() const { return state_.skipped; }

  const State& state() const { return state_; }
  void restore(const State& state) { state_ = state; }

 private:
  LossScaler(double scale, bool dynamic) : dynamic_(dynamic) { state_.scale = scale; }

  void grow() {
    state_.skipped = 0;
    ++state_.good;
    if (!dynamic_ || state_.good < kGrowthInterval) return;
    state_.scale = std::min(state_.scale * 2, kLargest);
    state_.good = 0;
  }

  void back_off() {
    ++state_.skipped;
    state_.good = 0;
    if (dynamic_) state_.scale = std::max(state_.scale / 2, kSmallest);
  }

  bool dynamic_;
  State state_;
};

}  // namespace anemone::train
