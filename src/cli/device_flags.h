// Where programs run: what every command that runs them asks alike.
//
//   DeviceFlags on;
//   add_device_flags(app, on);                                    // --device, --precision, --strict
//   const Precision precision = precision_of(on);
//   auto device = TRY(open_device(on, precision));
#pragma once

#include <CLI/CLI.hpp>
#include <memory>
#include <optional>
#include <string>

#include "device/device.h"
#include "mil/engine/profile.h"

namespace anemone::cli {

struct DeviceFlags {
  std::string device = "cpu";
  std::optional<Precision> precision;  // nothing: what suits the device
  bool strict = false;
};

// `otherwise` is the precision where none is asked for.
void add_device_flags(CLI::App& app, DeviceFlags& flags, Precision otherwise = Precision::fp32);

// The one asked for; else `otherwise`, but fp16 on a device that has no other.
Precision precision_of(const DeviceFlags& flags, Precision otherwise = Precision::fp32);

// Fails where the device is not there, or has not the precision, or knows nothing to be strict about.
Result<std::unique_ptr<Device>> open_device(const DeviceFlags& flags, Precision precision);

// Of "sim:" and a profile.
Result<mil::Profile> simulated_profile(const std::string& device);

// For options that name a device: empty, or why there is none of that name. One that is known but not there is found
// out when it is opened.
std::string why_no_device(const std::string& name);

}  // namespace anemone::cli
