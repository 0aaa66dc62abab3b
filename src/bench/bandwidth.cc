#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "bench/bandwidth.cc"
#include <hwy/foreach_target.h>  // compiles this file once for each instruction set
//
#include <hwy/highway.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <cstring>

#include "base/buffer.h"
#include "base/parallel.h"
#include "bench/bandwidth.h"

HWY_BEFORE_NAMESPACE();
namespace anemone::bench::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

// The bits of all words together, read as four parts side by side: one stream alone leaves memory idle.
uint32_t ReadWords(const uint32_t* words, size_t count) {
  const hn::ScalableTag<uint32_t> d;
  const size_t part = count / 4;
  auto a = hn::Zero(d), b = a, c = a, e = a;
  for (size_t i = 0; i + hn::Lanes(d) <= part; i += hn::Lanes(d)) {
    a = hn::Or(a, hn::LoadU(d, words + i));
    b = hn::Or(b, hn::LoadU(d, words + part + i));
    c = hn::Or(c, hn::LoadU(d, words + 2 * part + i));
    e = hn::Or(e, hn::LoadU(d, words + 3 * part + i));
  }
  return hn::GetLane(hn::MaxOfLanes(d, hn::Or(hn::Or(a, b), hn::Or(c, e))));
}

}  // namespace anemone::bench::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace anemone::bench {

HWY_EXPORT(ReadWords);

namespace {

constexpr int64_t kBlock = 4096;  // words: of these a thread has whole ones, so that vectors fit

// Bytes a second of the fastest pass; pass(first, count) touches those words, 4·factor bytes a word.
template <class Pass>
double fastest(int64_t words, int passes, int factor, const Pass& pass) {
  using Clock = std::chrono::steady_clock;
  double best = 0;
  for (int i = 0; i < passes; ++i) {
    const auto start = Clock::now();
    parallel_for(words / kBlock, 1, [&](int64_t begin, int64_t end) { pass(begin * kBlock, (end - begin) * kBlock); });
    const double seconds = std::chrono::duration<double>(Clock::now() - start).count();
    best = std::max(best, 4.0 * factor * static_cast<double>(words) / seconds);
  }
  return best;
}

}  // namespace

Bandwidth measure_bandwidth(const BandwidthOptions& options) {
  const auto words =
      static_cast<int64_t>(std::max<size_t>(options.bytes / 4, 2 * kBlock)) / (2 * kBlock) * (2 * kBlock);
  Buffer<uint32_t> memory(static_cast<size_t>(words));
  uint32_t* const data = memory.data();
  // Pages that were never written would all be read from the system's one page of zeros.
  parallel_for(words, kBlock, [&](int64_t begin, int64_t end) { std::fill(data + begin, data + end, 1u); });
  std::atomic<uint32_t> seen{0};  // keeps the reads
  Bandwidth found;
  found.read = fastest(words, options.passes, 1, [&](int64_t first, int64_t count) {
    seen |= HWY_DYNAMIC_DISPATCH(ReadWords)(data + first, static_cast<size_t>(count));
  });
  found.copy = fastest(words / 2, options.passes, 2, [&](int64_t first, int64_t count) {
    std::memcpy(data + words / 2 + first, data + first, static_cast<size_t>(count) * sizeof(uint32_t));
  });
  return found;
}

}  // namespace anemone::bench
#endif
