// The engine as this process drives it: its programs, each compiled once, and how many compiles are left.
//
//   std::shared_ptr<Engine> engine = TRY(Engine::open());
//   std::shared_ptr<Loaded> loaded = TRY(engine->load(TRY(engine_program(function, weights))));
//
// A process may compile about 119 programs (C03). Programs of the same text and weights are shared, so that they count
// once; when the budget is spent, worker processes compile, load and run (worker.h), each with a budget of its own.
#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <string>

#include "device/ane/framework.h"
#include "device/ane/loaded.h"
#include "device/ane/real_time.h"

namespace anemone::ane {

class Worker;

class Engine {
 public:
  // Shared by all that have it open.
  static Result<std::shared_ptr<Engine>> open();

  const Framework& framework() const { return framework_; }
  RealTime& real_time() const { return *real_time_; }  // also of what workers run
  int64_t compiles_left() const;
  Result<std::shared_ptr<Loaded>> load(const EngineProgram& program);

 private:
  Engine(const Framework& framework, std::shared_ptr<ProgramFolders> folders)
      : framework_(framework), folders_(std::move(folders)), real_time_(std::make_shared<RealTime>(framework)) {}
  Result<std::shared_ptr<Loaded>> compile(const EngineProgram& program);
  Result<std::shared_ptr<Loaded>> compile_in_worker(const EngineProgram& program);

  const Framework& framework_;
  std::shared_ptr<ProgramFolders> folders_;
  std::shared_ptr<RealTime> real_time_;
  std::mutex compiling_;
  std::map<std::string, std::weak_ptr<Loaded>> programs_;  // by key
  std::weak_ptr<Worker> worker_;                           // the one that has compiles left
};

}  // namespace anemone::ane
