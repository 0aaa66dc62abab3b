// A program lowered for the simulator: steps over buffers of halves.
//
//   Plan plan = TRY(lower(function, weights, target));
//   for (const Step& step : plan.steps) step(memory);
//
// The engine has halves only: whatever type a value declares, its elements are halves here, booleans and int8 values
// too, all of which a half holds. No two values share memory, so that all can be looked at after a run.
#pragma once

#include <functional>
#include <map>
#include <vector>

#include "base/half.h"
#include "device/layout.h"
#include "device/sim/choices.h"
#include "mil/function.h"

namespace anemone::sim {

enum class Place : uint8_t { arena, constant };

struct PlanBuffer {
  Place place = Place::arena;
  int64_t halves = 0;
  int64_t offset = 0;  // in the arena
  size_t index = 0;    // of the constant
};

// Where each buffer stands during one run.
class Memory {
 public:
  Memory(std::vector<Half*>& bases, float* scratch) : bases_(bases), scratch_(scratch) {}
  Half* at(const View& view) const { return bases_[size_t(view.buffer)] + view.offset; }
  double* doubles_at(const View& view) const { return reinterpret_cast<double*>(at(view)); }
  float* scratch() const { return scratch_; }

 private:
  std::vector<Half*>& bases_;
  float* scratch_;
};

using Step = std::function<void(const Memory&)>;

struct Plan {
  mil::Function function;  // what is run: without what the engine composes of simpler ops
  std::vector<PlanBuffer> buffers;
  std::vector<Step> steps;
  std::vector<const mil::Operation*> operations;  // of each step; null for those that only arrange outputs
  std::vector<std::vector<Half>> constants;
  std::vector<std::optional<View>> values;                       // by id, those that stand somewhere
  std::vector<View> inputs, outputs;                             // outputs are packed
  std::map<const mil::Operation*, std::vector<Choice>> choices;  // that the results of an operation lean on
  int64_t arena_halves = 0;
  size_t scratch_floats = 0;
};

}  // namespace anemone::sim
