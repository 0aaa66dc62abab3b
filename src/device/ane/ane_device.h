// The Neural Engine of this machine, by Apple's private framework.
//
//   Result<std::unique_ptr<Device>> device = open_ane(options);   // where it is there
#pragma once

#include "device/device.h"

namespace anemone {

Result<std::unique_ptr<Device>> open_ane(const DeviceOptions& options);

}  // namespace anemone
