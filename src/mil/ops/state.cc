// States, which outlive a run, and buffers.
#include "mil/ops/families.h"

namespace anemone::mil {

std::vector<OpDef> state_ops() { return {}; }

}  // namespace anemone::mil
