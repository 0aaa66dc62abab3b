// How much of the machine a process takes.
//
//   UsageMeter meter;
//   const std::optional<Usage> usage = meter.read(pid);      // once a second or so
#pragma once

#include <sys/types.h>

#include <chrono>
#include <cstdint>
#include <optional>

namespace anemone::dashboard {

struct Usage {
  double cores = 0;          // processor time since the reading before, in cores; 0 at the first
  int64_t memory_bytes = 0;  // resident
};

class UsageMeter {
 public:
  // Nothing where there is no such process, or where the system does not tell.
  std::optional<Usage> read(pid_t id);

 private:
  using Clock = std::chrono::steady_clock;
  pid_t id_ = -1;
  double seconds_ = 0;  // of processor time, at the last reading
  Clock::time_point at_;
};

// Processors that there are.
int processors();

}  // namespace anemone::dashboard
