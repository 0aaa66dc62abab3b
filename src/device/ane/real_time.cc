#include "device/ane/real_time.h"

#include <mutex>

namespace anemone::ane {
namespace {

constexpr const char* kClient = "_ANEClient";

constexpr Message<Id()> kShared(kClient, Of::classes, "sharedConnection");
constexpr Message<Bool()> kBegin(kClient, Of::instances, "beginRealTimeTask");
constexpr Message<Bool()> kEnd(kClient, Of::instances, "endRealTimeTask");
constexpr Message<Bool(Id model, Id options, Id request, Id* error)> kEvaluate(
    kClient, Of::instances, "evaluateRealTimeWithModel:options:request:error:");
// The client takes an _ANEModel. (dev-erik gave it the _ANEInMemoryModel itself, which was taken too.)
constexpr Message<Id()> kModel("_ANEInMemoryModel", Of::instances, "model");

}  // namespace

Result<> RealTime::check() const {
  TRY(kShared.check());
  TRY(kBegin.check());
  TRY(kEnd.check());
  TRY(kEvaluate.check());
  return kModel.check();
}

Result<bool> RealTime::begin() {
  const std::lock_guard lock(mutex_);
  const Pool pool;
  if (const Result<> there = check(); !there)
    return fail("the engine has no real-time task: {}", there.error().message);
  TRY(bracket_.open());
  const auto ask = [&]() -> Result<Bool> {
    client_ = Owned::retained(TRY(kShared.of_class()));
    if (!client_) return fail("the engine has no real-time task: {} gave no client", kShared.name().text());
    return kBegin(client_.get());
  };
  const Result<Bool> answer = ask();
  if (answer) return *answer != 0;
  client_ = Owned();
  TRY(bracket_.close());
  return tl::unexpected(answer.error());
}

Result<bool> RealTime::end() {
  const std::lock_guard lock(mutex_);
  const Pool pool;
  TRY(bracket_.close());
  const Owned client = std::move(client_);
  return TRY(kEnd(client.get())) != 0;
}

bool RealTime::is_open() const {
  const std::shared_lock lock(mutex_);
  return bracket_.is_open();
}

Result<Bool> RealTime::evaluate(Id model, uint32_t qos, Id request, Id* error) const {
  const std::shared_lock lock(mutex_);
  if (!bracket_.is_open()) return framework_.evaluate(model, qos, framework_.no_options(), request, error);
  return kEvaluate(client_.get(), TRY(kModel(model)), framework_.no_options(), request, error);
}

RealTime::~RealTime() {
  if (bracket_.is_open()) static_cast<void>(end());  // nobody is left to hear of it
}

}  // namespace anemone::ane
