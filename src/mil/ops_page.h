// docs/ops.md: the op table as a page of Markdown.
#pragma once

#include <functional>
#include <string>
#include <string_view>

#include "mil/op.h"

namespace anemone::mil {

// A section a family: each op with its parameters, its formula, the opset that brought it, whether it has a gradient,
// and how the `cpu` device runs it, as `on_cpu` tells.
std::string ops_page(const std::function<std::string_view(const OpDef&)>& on_cpu);

}  // namespace anemone::mil
