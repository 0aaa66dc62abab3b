// What processor and device draw.
//
//   auto power = open_power_source();
//   const Power reading = power->read();            // once a second or so
//   if (!reading.missing.empty()) show("not available: " + reading.missing);
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace anemone::dashboard {

// Watts, since the reading before.
struct Power {
  std::optional<double> cpu{}, device{};  // the device: Apple's Neural Engine
  std::string missing{};                  // why there is nothing, or why something is not there; empty: all is
};

class PowerSource {
 public:
  virtual ~PowerSource() = default;
  virtual Power read() = 0;
};

// Linux: the energy counters of the processor's packages (RAPL) under /sys/class/powercap. macOS: powermetrics, which
// only root may run. Elsewhere, and where those are not there, a source that says so.
std::unique_ptr<PowerSource> open_power_source();
// One that has nothing, and says why.
std::unique_ptr<PowerSource> no_power_source(std::string why);

// For tests: the counters under another folder; `powermetrics` by another command.
std::unique_ptr<PowerSource> open_energy_counters(const std::string& folder);
std::unique_ptr<PowerSource> open_powermetrics(const std::string& command);

}  // namespace anemone::dashboard
