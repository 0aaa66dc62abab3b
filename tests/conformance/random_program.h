// Programs of random ops over random shapes.
//
//   Draft draft(DType::fp16, seed);
//   Function f = TRY(random_program(draft, Integers::at_run_time));
#pragma once

#include "draft.h"

namespace anemone::conformance {

enum class Integers { at_run_time, constant };

// Of the draft's seed. Without integers at run time there are no int32 inputs or results.
Result<mil::Function> random_program(Draft& draft, Integers integers);

}  // namespace anemone::conformance
