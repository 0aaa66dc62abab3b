#include "base/machine.h"

#include <fmt/format.h>
#include <sys/utsname.h>

#include <algorithm>
#include <charconv>
#include <ctime>
#include <fstream>
#include <iterator>
#include <set>
#include <thread>
#ifdef __APPLE__
#include <sys/sysctl.h>
#else
#include <unistd.h>
#endif

namespace anemone {
namespace {

#ifdef __APPLE__

std::string text(const char* name) {
  char value[256] = {};
  size_t size = sizeof(value) - 1;
  return sysctlbyname(name, value, &size, nullptr, 0) == 0 ? value : "";
}

int64_t number(const char* name) {
  int64_t value = 0;
  size_t size = sizeof(value);
  return sysctlbyname(name, &value, &size, nullptr, 0) == 0 ? value : 0;
}

std::string processor() { return text("machdep.cpu.brand_string"); }
int64_t physical_cores() { return number("hw.physicalcpu"); }
int64_t memory() { return number("hw.memsize"); }

// Of the performance cores, where there are two kinds.
std::vector<Cache> caches() {
  std::vector<Cache> list;
  const auto add = [&](int64_t level, bool unified, const char* name, const char* otherwise) {
    const int64_t bytes = number(name) > 0 ? number(name) : number(otherwise);
    if (bytes > 0) list.push_back({level, unified, bytes});
  };
  add(1, false, "hw.perflevel0.l1dcachesize", "hw.l1dcachesize");
  add(2, true, "hw.perflevel0.l2cachesize", "hw.l2cachesize");
  add(3, true, "hw.perflevel0.l3cachesize", "hw.l3cachesize");
  return list;
}

#else

std::string first_line(const std::string& path) {
  std::ifstream file(path);
  std::string line;
  std::getline(file, line);
  return line;
}

int64_t leading_number(const std::string& text) {
  int64_t value = 0;
  std::from_chars(text.data(), text.data() + text.size(), value);
  return value;
}

// The values of a key in /proc/cpuinfo, one a processor.
std::vector<std::string> processor_values(std::string_view key) {
  std::ifstream file("/proc/cpuinfo");
  std::vector<std::string> values;
  for (std::string line; std::getline(file, line);) {
    const size_t colon = line.find(':');
    if (!line.starts_with(key) || colon == std::string::npos) continue;
    values.push_back(colon + 2 <= line.size() ? line.substr(colon + 2) : "");
  }
  return values;
}

std::string processor() {
  for (const char* key : {"model name", "Hardware", "CPU part"}) {
    const auto values = processor_values(key);
    if (!values.empty()) return values[0];
  }
  return "";
}

int64_t physical_cores() {
  const auto packages = processor_values("physical id"), cores = processor_values("core id");
  if (packages.size() != cores.size()) return 0;
  std::set<std::pair<std::string, std::string> > distinct;
  for (size_t i = 0; i < cores.size(); ++i) distinct.emplace(packages[i], cores[i]);
  return std::ssize(distinct);
}

int64_t memory() { return int64_t{sysconf(_SC_PHYS_PAGES)} * sysconf(_SC_PAGESIZE); }

// "32K" or "8M".
int64_t bytes_of(const std::string& size) {
  const char unit = size.empty() ? ' ' : size.back();
  return leading_number(size) << (unit == 'K' ? 10 : unit == 'M' ? 20 : unit == 'G' ? 30 : 0);
}

std::vector<Cache> caches() {
  std::vector<Cache> list;
  for (int i = 0;; ++i) {
    const std::string folder = fmt::format("/sys/devices/system/cpu/cpu0/cache/index{}/", i);
    const std::string kind = first_line(folder + "type");
    if (kind.empty()) return list;
    const Cache cache{leading_number(first_line(folder + "level")), kind == "Unified",
                      bytes_of(first_line(folder + "size"))};
    if (kind != "Instruction" && cache.level > 0 && cache.bytes > 0) list.push_back(cache);
  }
}

#endif

std::string operating_system() {
  utsname name{};
  if (uname(&name) != 0) return "";
  return fmt::format("{} {} {}", name.sysname, name.release, name.machine);
}

constexpr const char* kCompiler =
#ifdef __clang__
    "Clang " __clang_version__;
#else
    "GCC " __VERSION__;
#endif

constexpr const char* kBuildType =
#ifdef __OPTIMIZE__
    "optimised";
#else
    "unoptimised";
#endif

}  // namespace

Machine this_machine() {
  const int64_t threads = std::max(1U, std::thread::hardware_concurrency());
  return {processor(),        physical_cores(), threads,   caches(),  memory(),
          operating_system(), ANEMONE_VERSION,  kCompiler, kBuildType};
}

std::string time_now() {
  const std::time_t time = std::time(nullptr);
  std::tm utc{};
  gmtime_r(&time, &utc);
  char text[32];
  return {text, std::strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%SZ", &utc)};
}

}  // namespace anemone
