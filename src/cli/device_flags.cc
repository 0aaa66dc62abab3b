#include "cli/device_flags.h"

#include <algorithm>

#include "cli/choices.h"

namespace anemone::cli {

std::string why_no_device(const std::string& name) {
  const std::vector<std::string> names = device_names();
  if (std::ranges::find(names, name) != names.end()) return "";
  const auto device = anemone::open_device(name);
  return device ? "" : device.error().message;
}

Result<mil::Profile> simulated_profile(const std::string& device) {
  return mil::parse_profile(std::string_view(device).substr(device.find(':') + 1));
}

void add_device_flags(CLI::App& app, DeviceFlags& flags, Precision otherwise) {
  app.add_option("--device", flags.device, "Where the programs run: cpu, ref, ane, or sim:CHIP (anemone devices)")
      ->capture_default_str()
      ->check(why_no_device);
  add_choice(app, "--precision", flags.precision, kPrecisions,
             "How much of a value is kept [auto: " + std::string(to_string(otherwise)) + "; fp16 on sim]");
  app.add_flag("--strict", flags.strict, "On sim: enforce the engine's limits that sources disagree about, too");
}

Precision precision_of(const DeviceFlags& flags, Precision otherwise) {
  if (flags.precision) return *flags.precision;
  return anemone::open_device(flags.device, {.precision = otherwise}) ? otherwise : Precision::fp16;
}

Result<std::unique_ptr<Device>> open_device(const DeviceFlags& flags, Precision precision) {
  if (flags.strict && !is_simulated(flags.device)) {
    return fail("--strict is about the engine's limits: {} has none; give --device sim:CHIP", flags.device);
  }
  return anemone::open_device(flags.device, {.precision = precision, .strict = flags.strict});
}

}  // namespace anemone::cli
