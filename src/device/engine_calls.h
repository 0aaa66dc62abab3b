// Calls of the Neural Engine's own interface that no program needs, and what came of them: probes ask so.
//
//   if (EngineCalls* calls = device->engine_calls()) {
//     for (const EngineAnswer& answer : TRY(calls->statistics(program, inputs, outputs))) print(answer);
//   }
//
// The real engine answers itself; a simulated one says what was seen of engines like it, and by whom.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "device/device.h"

namespace anemone {

// One call, in the order of the calls.
struct EngineAnswer {
  std::string call;    // "prepareChainingWithModel:options:chainingReq:qos:error:"
  bool taken = false;  // it answered YES, or with an object or a number that is not zero
  std::string answer;  // in the interface's own words or numbers
  std::string source;  // who saw it, where the device did not
};

// Whether a real-time task is open: they do not nest.
class RealTimeBracket {
 public:
  Result<> open() {
    if (std::exchange(is_open_, true)) return fail("a real-time task has begun already: end it first");
    return {};
  }
  Result<> close() {
    if (!std::exchange(is_open_, false)) return fail("no real-time task to end: none has begun");
    return {};
  }
  bool is_open() const { return is_open_; }

 private:
  bool is_open_ = false;
};

class EngineCalls {
 public:
  using Answers = Result<std::vector<EngineAnswer>>;
  using Surfaces = std::vector<Surface*>;

  virtual ~EngineCalls() = default;

  // Overwrites the files of the constants of a program that this device compiled, unloads the program and loads it
  // again. Its requests stay; whether they compute anything else is what the caller wants to know.
  virtual Answers rewrite_weights(Program& program, const mil::Weights& weights) = 0;
  // Ways to make an object of statistics; then a run of the program with one, and what it counted.
  virtual Answers statistics(Program& program, const Surfaces& inputs, const Surfaces& outputs) = 0;
  // Events to wait for and to signal, and a request that has them.
  virtual Answers shared_events(Program& program, const Surfaces& inputs, const Surfaces& outputs) = 0;
  // A request that feeds a program's output to its next run.
  virtual Answers chaining(Program& program, const Surfaces& inputs, const Surfaces& outputs) = 0;

  // From one to the other, requests of the device run by the engine's real-time call: also where the engine answers NO
  // to the task itself, as it does to every process that was ever seen to ask. Fails, with nothing changed, where the
  // engine has no such calls, and out of turn.
  virtual Answers begin_real_time() = 0;
  virtual Answers end_real_time() = 0;
};

}  // namespace anemone
