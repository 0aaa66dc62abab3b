// Rules of devices and requests, which no program breaks by itself, and the rows of the catalogue that forbid nothing.
#pragma once

#include <vector>

#include "mil/engine/rule.h"

namespace anemone::mil {

inline constexpr EngineRule kLoadedRule{
    .id = "C03",
    .statement = "a process holds at most 119 programs loaded",
    .remedy = "free programs, or go on in a new process from a checkpoint (--save-every, --resume)",
    .source = "maderix, Orion: failures after some 119 compiles; field guide: freeing programs makes room (226 made)",
    .where = {.paths = kDirect},
};
inline constexpr EngineRule kLoadedByCoreMLRule{
    .id = "C03",
    .statement = "a process holds at most 128 programs loaded",
    .remedy = "free programs, or go on in a new process",
    .source = "reports on Core ML's runtime: about 128",
    .where = {.paths = kCoreML},
};
inline constexpr EngineRule kCompilesRule{
    .id = "C03",
    .statement = "a process compiles at most 119 programs, freed ones counted",
    .remedy = "go on in a new process from a checkpoint (--save-every, --resume)",
    .source = "maderix, Orion",
    .against = "field guide: freeing programs makes room (226 made)",
    .where = {.paths = kDirect},
};
inline constexpr EngineRule kProcedureRule{
    .id = "S09",
    .statement = "a program of one function takes procedure indices 0 to 15, else status 0x2",
    .remedy = "leave the index at 0",
    .source = "maderix (M5), ane-infer (M5)",
    .where = {.paths = kDirect},
    .stage = Stage::run,
};
inline constexpr EngineRule kPoisonRule{
    .id = "C27",
    .statement = "one failed evaluation poisons the engine until the process ends: status 0x1d",
    .remedy = "mend the first failure and start a new process",
    .source = "field guide (M3 Max)",
    .against = "nobody else reports it",
    .where = {.paths = kDirect},
    .stage = Stage::run,
};

// All of these, and what is not enforced, each with the reason in its remedy.
const std::vector<EngineRule>& device_rules();

}  // namespace anemone::mil
