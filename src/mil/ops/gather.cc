// Gathering, scattering, sorting and filling.
#include "mil/ops/families.h"

namespace anemone::mil {

std::vector<OpDef> gather_ops() { return {}; }

}  // namespace anemone::mil
