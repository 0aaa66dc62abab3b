#include "device/ane/statistics.h"

#include <atomic>
#include <cstdlib>
#include <string_view>

#include "device/ane/foundation.h"

namespace anemone::ane {
namespace {

const Message<Id(uint64_t)> kMake("_ANEPerformanceStats", Of::classes, "statsWithHardwareExecutionNS:");
const Message<uint64_t()> kTime("_ANEPerformanceStats", Of::instances, "hwExecutionTime");

std::atomic<bool> given_up = false;

bool is_unwanted() {
  const char* choice = std::getenv("ANEMONE_ANE_STATISTICS");
  return choice != nullptr && std::string_view(choice) == "no";
}

// Requests take only what answers `statType`, by whatever type.
bool answers_stat_type() {
  const Runtime& runtime = Runtime::get();
  return runtime.class_getInstanceMethod(class_named("_ANEPerformanceStats"), runtime.sel_registerName("statType")) !=
         nullptr;
}

}  // namespace

Statistics::Statistics() {
  if (given_up || is_unwanted() || !kMake.check() || !kTime.check() || !answers_stat_type()) return;
  const Result<Id> made = kMake.of_class(0);
  if (!made || *made == nullptr) return;
  object_ = Owned::retained(*made);
  array_ = Owned::retained(array_of({*made}));
}

std::optional<std::chrono::nanoseconds> Statistics::time() const {
  if (!object_) return {};
  const Result<uint64_t> time = kTime(object_.get());
  if (!time || *time == 0) return {};
  return std::chrono::nanoseconds(*time);
}

void Statistics::give_up() { given_up = true; }

}  // namespace anemone::ane
