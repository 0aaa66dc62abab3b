// What a simulated engine keeps to: the rules of its profile, and the figures of its chip with their sources.
//
//   for (const Fact& fact : facts_of(profile)) fmt::print("{} {}: {}\n", fact.group, fact.name, fact.value);
#pragma once

#include <vector>

#include "device/device.h"
#include "mil/engine/profile.h"

namespace anemone::sim {

std::vector<Fact> facts_of(const mil::Profile& profile);

}  // namespace anemone::sim
