// Recurrent layers.
#include "mil/ops/families.h"

namespace anemone::mil {

std::vector<OpDef> recurrent_ops() { return {}; }

}  // namespace anemone::mil
