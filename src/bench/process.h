// What the system says of this process.
//
//   const int64_t before = page_faults();
//   const ResidentMemory memory = resident_memory();
#pragma once

#include <cstdint>

namespace anemone::bench {

// Those that were served without reading from a disk: most are the first touch of a page.
int64_t page_faults();

// Bytes; 0 where the system does not tell.
struct ResidentMemory {
  int64_t peak = 0;
  int64_t current = 0;
};
ResidentMemory resident_memory();

}  // namespace anemone::bench
