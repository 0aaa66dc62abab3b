// Slices.
#include "mil/ops/families.h"

namespace anemone::mil {

std::vector<OpDef> slicing_ops() { return {}; }

}  // namespace anemone::mil
