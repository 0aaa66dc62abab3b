// Where the engine's numbers part from IEEE's, and why: for what works on a CPU but not on the engine.
//
//   for (const Departure& d : TRY(explain(function, weights, {mil::Chip::m4}, inputs))) ...
//
// Each operation is computed twice from the operands that the engine has there: as the engine does, and in fp16 as IEEE
// 754 has it, exactly and rounded once, ties to even. So an operation answers for itself, not for those before it.
#pragma once

#include <string>
#include <vector>

#include "device/sim/choices.h"
#include "mil/engine/profile.h"
#include "mil/function.h"

namespace anemone::sim {

struct Departure {
  std::string op, value;  // the result's name
  std::string written;    // the op that the program has there, of which `op` may be a part
  mil::TensorType type;
  mil::Location location;
  int64_t elements = 0;    // that differ
  int64_t beyond_ulp = 0;  // by more than one unit in the last place of a half
  int64_t at = 0;          // where the difference is largest; what is infinite or NaN on one side alone before all else
  double engine = 0, ieee = 0;  // there
  std::vector<std::string> causes{};
  std::vector<Choice> choices{};  // that the engine's result leans on
};

// The operations that part from IEEE, in order; ops that the engine composes of simpler ones count as those. The inputs
// are in the order and of the types of the function's. Limits are not checked.
Result<std::vector<Departure>> explain(const mil::Function& function, const mil::Weights& weights,
                                       const mil::Profile& profile, const std::vector<mil::Tensor>& inputs);

// The first that parts by more than rounding can, or null.
const Departure* first_responsible(const std::vector<Departure>& departures);

}  // namespace anemone::sim
