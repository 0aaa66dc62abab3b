// The engine's own measure of a run, where the framework gives one.
//
//   Statistics statistics;                       // of a request
//   request(…, statistics.array(), …);           // null where the framework has nothing of the kind
//   const auto time = statistics.time();         // after a run
//
// No public program got a number yet (docs/ane.md). So a request asks once; where its first run gives nothing, or fails
// because it asked, no request of this process asks again. ANEMONE_ANE_STATISTICS=no keeps all from asking.
#pragma once

#include <chrono>
#include <optional>

#include "device/ane/objc.h"

namespace anemone::ane {

class Statistics {
 public:
  Statistics();  // under a Pool

  Id array() const { return array_.get(); }
  std::optional<std::chrono::nanoseconds> time() const;

  static void give_up();  // for all of this process

 private:
  Owned object_, array_;
};

}  // namespace anemone::ane
