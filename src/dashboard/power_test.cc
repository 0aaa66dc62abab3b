#include "dashboard/power.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <chrono>
#include <filesystem>
#include <fstream>
#include <thread>

#include "base/temporary_folder.h"
#include "dashboard/usage.h"

namespace anemone::dashboard {
namespace {

namespace fs = std::filesystem;

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
  const auto source = open_energy_counters(folder_.path());
  const auto start = std::chrono::steady_clock::now();
  std::this_thread::sleep_for(std::chrono::milliseconds(100));
  counter("intel-rapl:0", "package-0", 1'400'000);
  counter("intel-rapl:1", "package-1", 500'000);
  counter("intel-rapl:0:0", "core", 5'000'000);
  const Power power = source->read();
  const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  ASSERT_TRUE(power.cpu);
  EXPECT_NEAR(*power.cpu * seconds, 1.0, 0.1);
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
      << "#!/bin/sh\nprintf 'CPU Power: 1500 mW\\nGPU Power: 5 mW\\nANE Power: 250 mW\\n'; sleep 5\n";
  fs::permissions(command, fs::perms::owner_all);
  const auto source = open_powermetrics(command);
  Power power;
  for (int i = 0; i < 200 && !power.cpu; ++i) {
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
    power = source->read();
  }
  EXPECT_EQ(power.cpu, 1.5);
  EXPECT_EQ(power.device, 0.25);
}

TEST(Usage, MeasuresAProcess) {
  UsageMeter meter;
  ASSERT_TRUE(meter.read(getpid()));
  const auto start = std::chrono::steady_clock::now();
  volatile double sum = 0;
  while (std::chrono::steady_clock::now() - start < std::chrono::milliseconds(300)) sum = sum + 1;
  const auto usage = meter.read(getpid());
  ASSERT_TRUE(usage);
  EXPECT_GT(usage->cores, 0.05);
  EXPECT_LT(usage->cores, 1.5);
  EXPECT_GT(usage->memory_bytes, 1 << 20);
  EXPECT_FALSE(meter.read(1 << 30));
}

}  // namespace
}  // namespace anemone::dashboard
