// `cpu`: MIL compiled to a flat plan for this machine.
#pragma once

#include "device/device.h"

namespace anemone {

std::unique_ptr<Device> open_cpu(const DeviceOptions& options);

}  // namespace anemone
