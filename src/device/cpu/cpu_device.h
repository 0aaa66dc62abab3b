// `cpu`: MIL compiled to a flat plan for this machine.
#pragma once

#include "device/device.h"

namespace anemone {

std::unique_ptr<Device> open_cpu(const DeviceOptions& options);

namespace cpu {

// How `cpu` runs an op: by a "kernel", which falls back to the reference for element types that it does not take; by
// its "composition" of other ops; by the "reference" evaluation of the op table, one thread in double precision; or as
// a "constant", worked out when a program is compiled.
std::string_view how_it_runs(const mil::OpDef& op);

}  // namespace cpu
}  // namespace anemone
