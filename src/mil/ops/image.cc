// Resizing and resampling of images.
#include "mil/ops/families.h"

namespace anemone::mil {

std::vector<OpDef> image_ops() { return {}; }

}  // namespace anemone::mil
