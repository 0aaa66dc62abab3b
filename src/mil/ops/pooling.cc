// Pooling over windows.
#include "mil/ops/families.h"

namespace anemone::mil {

std::vector<OpDef> pooling_ops() { return {}; }

}  // namespace anemone::mil
