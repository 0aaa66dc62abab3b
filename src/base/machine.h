// The machine that measures, as its system tells of it, and how anemone was built.
//
//   const Machine machine = this_machine();
//   fmt::print("{}, {} cores\n", machine.cpu, machine.cores);
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace anemone {

// Of data, as one core sees it.
struct Cache {
  int64_t level = 0;
  bool unified = false;  // with instructions
  int64_t bytes = 0;
};

struct Machine {
  std::string cpu;
  int64_t cores = 0, threads = 0;  // 0 cores: the system does not tell
  std::vector<Cache> caches;       // by level
  int64_t memory_bytes = 0;        // 0: the system does not tell
  std::string os;
  std::string version, compiler, build_type;  // of anemone
};

Machine this_machine();

// "2026-01-31T12:00:00Z"
std::string time_now();

}  // namespace anemone
