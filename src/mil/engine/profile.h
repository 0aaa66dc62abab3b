// Which engine: a chip, the system that drives it, and the path by which programs reach it.
//
//   Profile profile = TRY(parse_profile("m4-max:macos15:coreml"));   // or "m4": macOS 26, the direct path
//   to_string(profile)                                               // "m4-max:macos15:coreml"
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace anemone::mil {

enum class Chip : uint8_t { m1, m3_ultra, m4, m4_pro, m4_max, m5, m6 };
enum class System : uint8_t { macos15, macos26, macos27 };
enum class Path : uint8_t {
  direct,  // MIL text through the private framework: the whole program runs on the engine, or it is refused
  coreml,  // a package: Core ML shares the program out among engine, CPU and GPU
};

inline constexpr int kChips = 7, kSystems = 3, kPaths = 2;  // how many there are

std::string_view to_string(Chip chip);      // "m4-max"
std::string_view to_string(System system);  // "macos15"
std::string_view to_string(Path path);      // "coreml"
std::optional<Chip> parse_chip(std::string_view name);
std::vector<std::string> chip_names();

struct Profile {
  Chip chip = Chip::m4;
  System system = System::macos26;
  Path path = Path::direct;

  bool operator==(const Profile&) const = default;
};

// CHIP[:SYSTEM][:PATH]; what is left out is macos26, direct.
Result<Profile> parse_profile(std::string_view text);
std::string to_string(const Profile& profile);  // the shortest text that parses to it

}  // namespace anemone::mil
