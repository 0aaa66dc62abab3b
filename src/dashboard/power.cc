#include "dashboard/power.h"

#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <vector>

#include "dashboard/process.h"

namespace anemone::dashboard {
namespace {

namespace fs = std::filesystem;
using Clock = std::chrono::steady_clock;

class NoPower final : public PowerSource {
 public:
  explicit NoPower(std::string why) : why_(std::move(why)) {}
  Power read() override { return {.missing = why_}; }

 private:
  std::string why_;
};

std::optional<double> number_in(const fs::path& path) {
  std::ifstream file(path);
  double value = 0;
  if (!(file >> value)) return std::nullopt;
  return value;
}

std::string line_in(const fs::path& path) {
  std::string line;
  std::ifstream file(path);
  std::getline(file, line);
  return line;
}

// Microjoules that a package of processors has taken; the counter begins again at 0 after `range`
// (Linux, Documentation/power/powercap/powercap.rst).
struct Counter {
  fs::path folder;
  double range = 0, before = 0;
};

class EnergyCounters final : public PowerSource {
 public:
  explicit EnergyCounters(std::vector<Counter> counters) : counters_(std::move(counters)), at_(Clock::now()) {}

  Power read() override {
    const Clock::time_point now = Clock::now();
    const double passed = std::chrono::duration<double>(now - std::exchange(at_, now)).count();
    double microjoules = 0;
    for (Counter& counter : counters_) {
      const auto energy = number_in(counter.folder / "energy_uj");
      if (!energy) return {.missing = counter.folder.string() + " can no longer be read"};
      double taken = *energy - std::exchange(counter.before, *energy);
      if (taken < 0) taken += counter.range;
      microjoules += std::max(taken, 0.0);
    }
    Power power{.missing = "a Neural Engine's is known on macOS alone"};
    if (passed > 0) power.cpu = microjoules * 1e-6 / passed;
    return power;
  }

 private:
  std::vector<Counter> counters_;
  Clock::time_point at_;
};

// The value of "ANE Power: 123 mW", in watts.
std::optional<double> power_of(std::string_view name, const std::string& line) {
  const std::string begin = std::string(name) + " Power: ";
  if (!line.starts_with(begin) || line.find(" mW") == std::string::npos) return std::nullopt;
  return std::strtod(line.c_str() + begin.size(), nullptr) / 1e3;
}

// powermetrics writes a block of lines a second.
class PowerMetrics final : public PowerSource {
 public:
  explicit PowerMetrics(Process process) : process_(std::move(process)) {}

  Power read() override {
    text_ += process_.read();
    for (size_t end; (end = text_.find('\n')) != std::string::npos; text_.erase(0, end + 1)) {
      take(text_.substr(0, end));
    }
    if (const auto end = process_.ended()) return {.missing = ended(*end)};
    Power power = power_;
    if (!power.cpu && !power.device) power.missing = "powermetrics has said nothing yet";
    return power;
  }

 private:
  void take(const std::string& line) {
    if (const auto watts = power_of("CPU", line)) power_.cpu = watts;
    if (const auto watts = power_of("ANE", line)) power_.device = watts;
    if (!line.empty()) last_ = line;
  }
  std::string ended(const ProcessEnd& end) const {
    return fmt::format("powermetrics ended with {}{}{}: it needs root, so run `sudo -v` first", to_string(end),
                       last_.empty() ? "" : ", saying: ", last_);
  }

  Process process_;
  std::string text_, last_;
  Power power_;
};

}  // namespace

std::unique_ptr<PowerSource> no_power_source(std::string why) { return std::make_unique<NoPower>(std::move(why)); }

std::unique_ptr<PowerSource> open_energy_counters(const std::string& root) {
  std::vector<Counter> counters;
  std::error_code error;
  for (const auto& entry : fs::directory_iterator(root, error)) {
    const fs::path& folder = entry.path();
    if (!line_in(folder / "name").starts_with("package")) continue;
    const auto energy = number_in(folder / "energy_uj");
    if (!energy) return no_power_source((folder / "energy_uj").string() + " may be read by root alone");
    counters.push_back({folder, number_in(folder / "max_energy_range_uj").value_or(0), *energy});
  }
  if (counters.empty()) return no_power_source("the system offers no energy counters (RAPL) in " + root);
  return std::make_unique<EnergyCounters>(std::move(counters));
}

std::unique_ptr<PowerSource> open_powermetrics(const std::string& command) {
  std::vector<std::string> words = {command, "--samplers", "cpu_power,ane_power", "-i", "1000"};
  if (geteuid() != 0) words.insert(words.begin(), {"sudo", "-n"});
  Result<Process> process = Process::start(words);
  if (!process) return no_power_source(process.error().message);
  return std::make_unique<PowerMetrics>(*std::move(process));
}

std::unique_ptr<PowerSource> open_power_source() {
#if defined(__linux__)
  return open_energy_counters("/sys/class/powercap");
#elif defined(__APPLE__)
  return open_powermetrics("powermetrics");
#else
  return no_power_source("this system has no source of power figures that is known here");
#endif
}

}  // namespace anemone::dashboard
