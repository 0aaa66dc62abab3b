// Counts what a test program allocates with `new`, in all of its threads.
#pragma once

#include <cstdint>

namespace anemone {

int64_t allocations();  // so far

}  // namespace anemone
