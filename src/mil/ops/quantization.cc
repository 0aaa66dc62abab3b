// Quantisation, and constants that are stored compressed.
#include "mil/ops/families.h"

namespace anemone::mil {

std::vector<OpDef> quantization_ops() { return {}; }

}  // namespace anemone::mil
