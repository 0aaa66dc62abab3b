#include "train/loss_scaler.h"

#include <gtest/gtest.h>

namespace anemone::train {
namespace {

void accept_many(LossScaler& scaler, int64_t count) {
  for (int64_t i = 0; i < count; ++i) EXPECT_TRUE(scaler.accept(true));
}

TEST(LossScaler, HalvesOnOverflowAndDoublesAfterManyGoodUpdates) {
  LossScaler scaler = LossScaler::dynamic();
  EXPECT_EQ(scaler.scale(), 65536);
  EXPECT_FALSE(scaler.accept(false));
  EXPECT_EQ(scaler.scale(), 32768);
  accept_many(scaler, 1999);
  EXPECT_EQ(scaler.scale(), 32768);
  accept_many(scaler, 1);
  EXPECT_EQ(scaler.scale(), 65536);
  accept_many(scaler, 1999);
  EXPECT_FALSE(scaler.accept(false));  // the count of good ones starts anew
  accept_many(scaler, 1999);
  EXPECT_EQ(scaler.scale(), 32768);
}

TEST(LossScaler, StaysWithinItsBounds) {
  LossScaler scaler = LossScaler::dynamic(4);
  for (int i = 0; i < 5; ++i) EXPECT_FALSE(scaler.accept(false));
  EXPECT_EQ(scaler.scale(), 1);
  EXPECT_EQ(scaler.skipped(), 5);
  accept_many(scaler, 40 * 2000);
  EXPECT_EQ(scaler.scale(), 0x1p24);
  EXPECT_EQ(scaler.skipped(), 0);
}

TEST(LossScaler, FixedNeverMovesButStillSkips) {
  LossScaler scaler = LossScaler::fixed(256);
  EXPECT_FALSE(scaler.accept(false));
  accept_many(scaler, 5000);
  EXPECT_EQ(scaler.scale(), 256);
  EXPECT_EQ(LossScaler::none().scale(), 1);
}

TEST(LossScaler, GoesOnFromASavedState) {
  LossScaler first = LossScaler::dynamic();
  first.accept(false);
  accept_many(first, 1500);
  LossScaler second = LossScaler::dynamic();
  second.restore(first.state());
  accept_many(second, 499);
  EXPECT_EQ(second.scale(), 32768);
  accept_many(second, 1);
  EXPECT_EQ(second.scale(), 65536);
}

}  // namespace
}  // namespace anemone::train
