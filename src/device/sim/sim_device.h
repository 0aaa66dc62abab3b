// `sim:CHIP`: the Neural Engine's arithmetic bit by bit, its limits, and its time, without the engine.
//
//   std::unique_ptr<Device> device = TRY(open_sim("m4", {.strict = true}));
//
// Values are what reference measurements say (docs/sim.md), whatever the precision asked for: the engine has one.
// Limits are those of the profile (mil/engine/profile.h). RunTime::device is modelled, and marked so.
#pragma once

#include "device/device.h"
#include "device/sim/kernels.h"
#include "mil/engine/profile.h"

namespace anemone {

// `profile` is what stands behind "sim:". Fails where it is none.
Result<std::unique_ptr<Device>> open_sim(std::string_view profile, const DeviceOptions& options);

namespace sim {

// For tests: programs that the engine would refuse too, and the arithmetic of the specification line by line.
std::unique_ptr<Device> open_without_limits(const mil::Profile& profile, Implementation implementation);

}  // namespace sim
}  // namespace anemone
