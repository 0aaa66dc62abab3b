#include "train/metrics.h"

#include <gtest/gtest.h>

#include <thread>

namespace anemone::train {
namespace {

TEST(StepFlops, AreTheSeedsForStories110M) {
  const model::Config config = {.name = "stories110m",
                                .layers = 12,
                                .dim = 768,
                                .hidden = 2048,
                                .heads = 12,
                                .kv_heads = 12,
                                .head_dim = 64,
                                .vocab = 32000,
                                .seq = 256};
  const StepFlops flops = step_flops(config, 1, 256);
  EXPECT_EQ(flops.forward, 43486543872);
  EXPECT_EQ(flops.backward_dx, 43486543872);
  EXPECT_EQ(flops.backward_dw, 43486543872);
  EXPECT_EQ(flops.attention, 6039797760);
  EXPECT_EQ(flops.classifier, 12582912000);
  EXPECT_EQ((flops.total() + 500000) / 1000000, 174248);
  EXPECT_EQ((flops.on_device(false) + 500000) / 1000000, 93013);
  EXPECT_EQ(flops.on_device(true) - flops.on_device(false), 12582912000);
  EXPECT_EQ(step_flops(config, 3, 256).total(), 3 * flops.total());
}

TEST(StepFlops, CountGroupedHeadsAndWideQueries) {
  const model::Config config = {.name = "grouped",
                                .layers = 1,
                                .dim = 4,
                                .hidden = 5,
                                .heads = 6,
                                .kv_heads = 2,
                                .head_dim = 8,
                                .vocab = 7,
                                .seq = 3};
  // Wq and Wo 2·4·48, Wk and Wv 2·4·16, W1, W2, W3 3·4·5: 572 parameters, 2 operations each, 3 positions.
  EXPECT_EQ(step_flops(config, 1, 3).forward, 2 * 3 * 572);
  EXPECT_EQ(step_flops(config, 1, 3).attention, 5 * 2 * 6 * 3 * 3 * 8);
}

TEST(Timers, AddUpByCategoryFromAnyThread) {
  Timers timers;
  std::thread other([&] { timers.add(Timer::dw, 2500000); });
  timers.add(Timer::dw, 1000000);
  other.join();
  EXPECT_DOUBLE_EQ(timers.milliseconds(Timer::dw), 3.5);
  EXPECT_EQ(timers.nanoseconds(Timer::ane), 0);
  timers.clear();
  EXPECT_EQ(timers.nanoseconds(Timer::dw), 0);
}

TEST(Timers, AScopeMeasuresUntilItsEnd) {
  Timers timers;
  const Stopwatch whole;
  for (int i = 0; i < 2; ++i) {
    const auto scope = timers.measure(Timer::adam);
    std::this_thread::sleep_for(std::chrono::milliseconds(2));
  }
  EXPECT_GE(timers.milliseconds(Timer::adam), 4);
  EXPECT_LE(timers.nanoseconds(Timer::adam), whole.nanoseconds());
}

TEST(Timers, HaveTheSeedsNames) {
  EXPECT_EQ(kTimerNames[static_cast<size_t>(Timer::ane)], "ane");
  EXPECT_EQ(kTimerNames[static_cast<size_t>(Timer::cblas_wait)], "cblas_wait");
  EXPECT_EQ(kTimerNames[static_cast<size_t>(Timer::compile)], "compile");
  EXPECT_EQ(static_cast<size_t>(Timer::compile) + 1, kTimerNames.size());
}

}  // namespace
}  // namespace anemone::train
