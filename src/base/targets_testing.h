// Vector kernels on every instruction set that the machine runs, at awkward sizes and places.
//
//   using HalfKernels = OnEachTarget;
//   INSTANTIATE_ON_EACH_TARGET(HalfKernels);
//   TEST_P(HalfKernels, Widen) {
//     for_each_place([](size_t count, size_t offset) {
//       Guarded<float> to(count, offset);              // `offset` elements past a cache line
//       to_float(from, to.data());
//       to.expect_intact();                            // what stands before it and after it
//     });
//   }
#pragma once

#include <gtest/gtest.h>
#include <hwy/highway.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <span>
#include <vector>

#include "base/buffer.h"

namespace anemone {

// Dispatches kernels to the target of the parameter, a bit of Highway's.
class OnEachTarget : public testing::TestWithParam<int64_t> {
 protected:
  void SetUp() override { hwy::SetSupportedTargetsForTest(GetParam()); }
  void TearDown() override { hwy::SetSupportedTargetsForTest(0); }
};

#define INSTANTIATE_ON_EACH_TARGET(suite)                                                          \
  INSTANTIATE_TEST_SUITE_P(Targets, suite, testing::ValuesIn(hwy::SupportedAndGeneratedTargets()), \
                           [](const auto& info) { return hwy::TargetName(info.param); })

// Nothing, vectors of 4, 8 and 16 floats and one more or less, several of them, primes, and enough for two threads.
inline constexpr size_t kAwkwardCounts[] = {0,  1,  2,  3,  4,  5,  7,  8,  9,   15,  16,  17,   23,
                                            31, 32, 33, 47, 63, 64, 65, 97, 127, 257, 509, 1021, 40009};
inline constexpr size_t kOffsets[] = {0, 1, 3};  // elements past a cache line

template <class Test>
void for_each_place(const Test& test) {
  for (size_t count : kAwkwardCounts) {
    for (size_t offset : kOffsets) {
      SCOPED_TRACE(testing::Message() << count << " elements, " << offset << " past a cache line");
      test(count, offset);
    }
  }
}

// `count` elements, `offset` of them past a cache line, between bytes that nothing may write to.
template <class T>
class Guarded {
 public:
  Guarded(size_t count, size_t offset)
      : bytes_((count + offset) * sizeof(T) + 2 * kMargin), begin_(kMargin + offset * sizeof(T)), count_(count) {
    std::memset(bytes_.data(), kMark, bytes_.size());
  }
  Guarded(std::span<const T> values, size_t offset) : Guarded(values.size(), offset) {
    std::ranges::copy(values, data());
  }

  T* data() { return reinterpret_cast<T*>(bytes_.data() + begin_); }
  std::span<T> span() { return {data(), count_}; }
  T& operator[](size_t i) { return data()[i]; }

  void expect_intact() {
    const auto is_mark = [](uint8_t byte) { return byte == kMark; };
    EXPECT_TRUE(std::all_of(bytes_.begin(), bytes_.begin() + begin_, is_mark)) << "written before the beginning";
    EXPECT_TRUE(std::all_of(bytes_.begin() + begin_ + count_ * sizeof(T), bytes_.end(), is_mark))
        << "written past the end";
  }

 private:
  static constexpr size_t kMargin = 4 * kCacheLine;  // more than the longest vector
  static constexpr uint8_t kMark = 0xA5;

  Buffer<uint8_t> bytes_;
  size_t begin_, count_;
};

// |got − want| at most `tolerance` of |want|, or of 1 where that is more; infinities and NaNs as such.
inline void expect_close(double got, double want, double tolerance) {
  if (std::isnan(want) || std::isinf(want)) {
    EXPECT_TRUE(std::isnan(want) ? std::isnan(got) : got == want) << got << ", not " << want;
  } else {
    EXPECT_NEAR(got, want, tolerance * std::max(1.0, std::fabs(want)));
  }
}

}  // namespace anemone
