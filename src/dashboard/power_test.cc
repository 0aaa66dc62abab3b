#include "dashboard/power.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <chrono>
#include <ctime>
#include <filesystem>
#include <fstream>
#include <thread>

#include "base/temporary_folder.h"
#include "dashboard/usage.h"

namespace anemone::dashboard {
namespace {

namespace fs = std::filesystem;
using Clock = std::chrono::steady_clock;

double processor_seconds() { return static_cast<double>(std::clock()) / CLOCKS_PER_SEC; }
double seconds(Clock::duration time) { return std::chrono::duration<double>(time).count(); }

class EnergyCounters : public testing::Test {
 protected:
  void counter(const std::string& name, const std::string& what, int64_t energy) const {
    fs::create_directories(folder_.path() + "/" + name);
    std::ofstream(folder_.path() + "/" + name + "/name") << what << "\n";
    std::ofstream(folder_.path() + "/" + name + "/energy_uj") << energy << "\n";
    std::ofstream(folder_.path() + "/" + name + "/max_energy_range_uj") << 100'000'000 << "\n";
  }
  TemporaryFolder folder_ = TemporaryFolder::create().value();
};

// Two packages take 0.4 and 0.6 J, the second past the end of its counter; a core's own counter is part of a package's.
TEST_F(EnergyCounters, AddUpPackages) {
  counter("intel-rapl:0", "package-0", 1'000'000);
  counter("intel-rapl:1", "package-1", 99'900'000);
  counter("intel-rapl:0:0", "core", 5);
  const Clock::time_point before = Clock::now();
  const auto source = open_energy_counters(folder_.path());
  const Clock::time_point opened = Clock::now();
  std::this_thread::sleep_for(std::chrono::milliseconds(100));
  counter("intel-rapl:0", "package-0", 1'400'000);
  counter("intel-rapl:1", "package-1", 500'000);
  counter("intel-rapl:0:0", "core", 5'000'000);
  const Clock::time_point asked = Clock::now();
  const Power power = source->read();
  const Clock::time_point after = Clock::now();
  ASSERT_TRUE(power.cpu);
  EXPECT_GE(*power.cpu, 0.999 / seconds(after - before));
  EXPECT_LE(*power.cpu, 1.001 / seconds(asked - opened));
  EXPECT_FALSE(power.device);
}

TEST_F(EnergyCounters, SayWhyTheyAreNotThere) {
  EXPECT_NE(open_energy_counters(folder_.path())->read().missing.find("no energy counters"), std::string::npos);
  counter("intel-rapl:0", "package-0", 1);
  fs::remove(folder_.path() + "/intel-rapl:0/energy_uj");
  EXPECT_NE(open_energy_counters(folder_.path())->read().missing.find("root alone"), std::string::npos);
}

// A stand-in for powermetrics: what it writes is the format that the seed's dashboard read.
TEST(PowerMetrics, ReadsWatts) {
  if (geteuid() != 0) GTEST_SKIP() << "it is run through sudo";
  const TemporaryFolder folder = TemporaryFolder::create().value();
  const std::string command = folder.path() + "/powermetrics";
  std::ofstream(command)
      << "#!/bin/sh\nprintf 'CPU Power: 1500 mW\\nGPU Power: 5 mW\\nANE Power: 250 mW\\n'; exec sleep 300\n";
  fs::permissions(command, fs::perms::owner_all);
  const auto source = open_powermetrics(command);
  Power power;
  for (int i = 0; i < 6000 && !power.cpu; ++i) {
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
    power = source->read();
  }
  EXPECT_EQ(power.cpu, 1.5);
  EXPECT_EQ(power.device, 0.25);
}

// However much of the processor others leave to it.
TEST(Usage, MeasuresAProcess) {
  constexpr double kTicks = 0.03;  // seconds: what the system counts in, thrice
  UsageMeter meter;
  const Clock::time_point before = Clock::now();
  const double spent_before = processor_seconds();
  ASSERT_TRUE(meter.read(getpid()));
  const Clock::time_point begun = Clock::now();
  volatile double sum = 0;
  while (processor_seconds() - spent_before < 0.3) sum = sum + 1;
  const double spent = processor_seconds() - spent_before;
  const Clock::time_point asked = Clock::now();
  const auto usage = meter.read(getpid());
  const Clock::time_point after = Clock::now();
  ASSERT_TRUE(usage);
  EXPECT_GE(usage->cores, (spent - kTicks) / seconds(after - before));
  EXPECT_LE(usage->cores, (spent + kTicks) / seconds(asked - begun));
  EXPECT_GT(usage->memory_bytes, 1 << 20);
  EXPECT_FALSE(meter.read(1 << 30));
}

}  // namespace
}  // namespace anemone::dashboard
