// The machine as a report's JSON tells of it. Include it in .cc files only.
#pragma once

#include "base/json.h"
#include "base/machine.h"

namespace anemone {

inline nlohmann::ordered_json machine_json(const Machine& machine) {
  nlohmann::ordered_json caches = nlohmann::ordered_json::array();
  for (const Cache& cache : machine.caches) {
    caches.push_back({{"level", cache.level}, {"kind", cache.unified ? "unified" : "data"}, {"bytes", cache.bytes}});
  }
  return {{"cpu", machine.cpu},
          {"cores", machine.cores},
          {"threads", machine.threads},
          {"caches", caches},
          {"memory_bytes", machine.memory_bytes},
          {"os", machine.os},
          {"build", {{"version", machine.version}, {"compiler", machine.compiler}, {"type", machine.build_type}}}};
}

}  // namespace anemone
