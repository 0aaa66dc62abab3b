// The programs that others timed on real engines, built anew so that the model of the engine's time can be asked.
#pragma once

#include <vector>

#include "device/sim/time/published.h"
#include "mil/function.h"

namespace anemone::bench {

struct RepeatedProgram {
  mil::Function function;
  int64_t times = 1;  // it is run, or compiled, so often
};

// None for rows that name no program. For training: the programs of a pass, or those of both passes.
Result<std::vector<RepeatedProgram>> programs_of(const sim::PublishedProgram& program);

}  // namespace anemone::bench
