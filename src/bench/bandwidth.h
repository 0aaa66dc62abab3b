// How fast all threads together move memory: what work that is bound by it is measured against.
//
//   Bandwidth memory = measure_bandwidth();
//   double limit = weight_bytes / memory.read;            // seconds
//
// The best of several passes, since whatever else the machine does only slows them.
#pragma once

#include <cstddef>

namespace anemone::bench {

struct BandwidthOptions {
  size_t bytes = size_t{256} << 20;  // far beyond the caches
  int passes = 10;
};

// Bytes a second.
struct Bandwidth {
  double read = 0;
  double copy = 0;  // what is read and what is written
};

Bandwidth measure_bandwidth(const BandwidthOptions& options = {});

}  // namespace anemone::bench
