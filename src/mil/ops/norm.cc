// Normalisations.
#include "mil/ops/families.h"

namespace anemone::mil {

std::vector<OpDef> norm_ops() { return {}; }

}  // namespace anemone::mil
