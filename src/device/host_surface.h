// A surface in ordinary memory, for the devices that compute on the host.
#pragma once

#include "base/buffer.h"
#include "device/device.h"

namespace anemone {

class HostSurface final : public Surface {
 public:
  explicit HostSurface(size_t bytes) : memory_(bytes) {}
  size_t bytes() const override { return memory_.size(); }
  Map map(Access access) override { return Map({memory_.data(), memory_.size()}, access); }
  std::byte* data() { return memory_.data(); }

 private:
  Buffer<std::byte> memory_;
};

}  // namespace anemone
