// The engine's real-time task, and how programs are evaluated while one is open.
//
//   auto real_time = std::make_shared<RealTime>(framework);   // of a process
//   const bool granted = TRY(real_time->begin());             // false without an entitlement, and changes nothing
//   TRY(real_time->evaluate(model, qos, request, &error));
//   TRY(real_time->end());
//
// The two are independent: on an M4 Max beginRealTimeTask answered NO, and evaluateRealTimeWithModel: ran (dev-erik).
// It takes no quality of service. Programs are not loaded anew for it: it ran what loadWithQoS: had loaded.
// loadRealTimeModel: is left alone.
#pragma once

#include <shared_mutex>

#include "device/ane/framework.h"
#include "device/engine_calls.h"

namespace anemone::ane {

class RealTime {
 public:
  explicit RealTime(const Framework& framework) : framework_(framework) {}
  RealTime(const RealTime&) = delete;
  RealTime& operator=(const RealTime&) = delete;
  ~RealTime();  // ends a task that is open

  // What the engine answers. An error, with nothing changed, where it has no such calls, and out of turn. Both wait for
  // the evaluations that are under way.
  Result<bool> begin();
  Result<bool> end();
  bool is_open() const;

  // Of an _ANEInMemoryModel, under a Pool: by the real-time call while a task is open, else by the usual one.
  Result<Bool> evaluate(Id model, uint32_t qos, Id request, Id* error) const;

 private:
  Result<> check() const;

  const Framework& framework_;
  mutable std::shared_mutex mutex_;
  RealTimeBracket bracket_;
  Owned client_;  // while a task is open
};

}  // namespace anemone::ane
