// `ref`: the readable interpreter as a device, in double precision; the oracle of every test.
#pragma once

#include "device/device.h"

namespace anemone {

// Precision fp16 rounds each op's result to its declared type; fp32 and bf16 keep doubles between ops.
std::unique_ptr<Device> open_ref(const DeviceOptions& options);

}  // namespace anemone
