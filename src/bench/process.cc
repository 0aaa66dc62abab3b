#include "bench/process.h"

#include <sys/resource.h>

#include <fstream>
#include <string>

namespace anemone::bench {
namespace {

rusage usage() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  return usage;
}

// A line of Linux's account of the process, "VmHWM:   1234 kB", in bytes; 0 where there is none.
int64_t status_line(const std::string& name) {
  std::ifstream status("/proc/self/status");
  std::string word;
  while (status >> word) {
    int64_t kilobytes = 0;
    if (word == name && status >> kilobytes) return kilobytes * 1024;
  }
  return 0;
}

// As getrusage has it: in bytes on macOS, else in kilobytes.
int64_t peak_usage() {
#ifdef __APPLE__
  return usage().ru_maxrss;
#else
  return usage().ru_maxrss * 1024;
#endif
}

}  // namespace

int64_t page_faults() { return usage().ru_minflt; }

ResidentMemory resident_memory() {
  const int64_t peak = status_line("VmHWM:");
  return {.peak = peak > 0 ? peak : peak_usage(), .current = status_line("VmRSS:")};
}

}  // namespace anemone::bench
