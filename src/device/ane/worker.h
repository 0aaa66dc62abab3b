// A second process that compiles, loads and runs programs where this one may compile no more.
//
//   std::shared_ptr<Worker> worker = TRY(Worker::start(real_time));
//   std::shared_ptr<Loaded> loaded = TRY(Worker::load(worker, program));   // as here
//
// It is `anemone ane-worker`, found beside the running program, on the PATH, or where ANEMONE_ANE_WORKER says. Its
// surfaces are its own; tensors are copied through shared memory, twice each way. It ends when nobody needs it, and
// with the process that started it.
#pragma once

#include <sys/types.h>

#include <memory>
#include <mutex>
#include <optional>

#include "device/ane/channel.h"
#include "device/ane/loaded.h"
#include "device/ane/real_time.h"

namespace anemone::ane {

class Worker {
 public:
  // While `real_time` is open here, what the worker runs is in a real-time task of its own.
  static Result<std::shared_ptr<Worker>> start(std::shared_ptr<const RealTime> real_time);
  Worker(Channel channel, pid_t process, std::shared_ptr<const RealTime> real_time)
      : channel_(std::move(channel)), process_(process), real_time_(std::move(real_time)) {}
  Worker(const Worker&) = delete;
  Worker& operator=(const Worker&) = delete;
  ~Worker();

  static Result<std::shared_ptr<Loaded>> load(const std::shared_ptr<Worker>& worker, const EngineProgram& program);
  bool has_compiles_left();

  bool is_in_real_time() const { return real_time_->is_open(); }
  // Asks and waits for the answer; an error is the worker's own, or says how it died.
  Result<Header> ask(const Header& header, std::span<const std::byte> bytes = {}, int descriptor = -1);

 private:
  Result<Header> exchange(const Header& header, std::span<const std::byte> bytes, int descriptor);
  Error death(const Error& error);

  std::mutex asking_;
  std::optional<Channel> channel_;  // none once it is dead
  pid_t process_;
  std::shared_ptr<const RealTime> real_time_;
  int64_t compiles_ = 0;
  std::string death_;
};

// The worker's side: answers what comes by `socket` until it is closed.
Result<> serve_as_worker(int socket);

}  // namespace anemone::ane
