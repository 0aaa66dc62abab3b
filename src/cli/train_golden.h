// `anemone train --golden`: a run's losses beside the published ones.
#pragma once

#include "train/golden.h"

namespace anemone::cli {

// Prints a line a step, and at the end the largest difference.
Result<> show_golden(train::Trainer& trainer, const train::GoldenTrace& trace, int64_t steps);

}  // namespace anemone::cli
