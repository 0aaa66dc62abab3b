// Which clock a time is by: callers that report times say so.
//
//   const RunTime time = TRY(request->run());
//   fmt::print("{} ns, {}\n", time_of(time).count(), to_string(clock_of(time)));   // 117000 ns, modelled
#pragma once

#include <string_view>

#include "device/device.h"

namespace anemone {

enum class Clock : uint8_t { host, device, modelled };

inline std::string_view to_string(Clock clock) {
  return clock == Clock::host ? "host" : clock == Clock::device ? "device" : "modelled";
}

inline Clock clock_of(const RunTime& time) {
  return !time.device ? Clock::host : time.modelled ? Clock::modelled : Clock::device;
}

// The device's own time, where it has one.
inline std::chrono::nanoseconds time_of(const RunTime& time) { return time.device.value_or(time.wall); }

}  // namespace anemone
