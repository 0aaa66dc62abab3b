// What an engine's own interface answered, as facts for a finding.
#pragma once

#include <vector>

#include "device/engine_calls.h"
#include "probe/inquiry.h"

namespace anemone::probe {

std::vector<Fact> facts_of(const std::vector<EngineAnswer>& answers);

// The device's facts about classes whose name contains one of `words`, in any case.
std::vector<Fact> classes_about(const Device& device, const std::vector<std::string_view>& words);

// Rewrites the weights of the trial's program: those of an engine in its files, by unloading and loading it; other
// devices are handed new ones. The calls that an engine answered.
Result<std::vector<EngineAnswer>> rewrite_weights(Device& device, Trial& trial, const mil::Weights& weights);

}  // namespace anemone::probe
