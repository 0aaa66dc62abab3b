// What `anemone mil run --explain` shows.
#pragma once

#include <string>
#include <vector>

#include "base/json.h"
#include "mil/function.h"

namespace anemone::cli {

// Where a simulated engine's operations part from IEEE arithmetic; `inputs` as of mil::Function.
Result<nlohmann::ordered_json> explanation(const std::string& device, const mil::Function& function,
                                           const mil::Weights& weights, const std::vector<mil::Tensor>& inputs);
void print_explanation(const std::string& device, const nlohmann::ordered_json& explanation);

}  // namespace anemone::cli
