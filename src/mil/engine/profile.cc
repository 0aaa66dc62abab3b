#include "mil/engine/profile.h"

#include <fmt/ranges.h>

#include <algorithm>
#include <array>

namespace anemone::mil {
namespace {

constexpr std::array<std::string_view, kChips> kChipNames{"m1", "m3-ultra", "m4", "m4-pro", "m4-max", "m5", "m6"};
constexpr std::array<std::string_view, kSystems> kSystemNames{"macos15", "macos26", "macos27"};
constexpr std::array<std::string_view, kPaths> kPathNames{"direct", "coreml"};

template <class Enum, size_t N>
std::optional<Enum> find(const std::array<std::string_view, N>& names, std::string_view name) {
  const auto* found = std::ranges::find(names, name);
  if (found == names.end()) return std::nullopt;
  return static_cast<Enum>(found - names.begin());
}

std::string_view take_word(std::string_view& text) {
  const std::string_view word = text.substr(0, text.find(':'));
  text.remove_prefix(std::min(text.size(), word.size() + 1));
  return word;
}

}  // namespace

std::string_view to_string(Chip chip) { return kChipNames[static_cast<size_t>(chip)]; }
std::string_view to_string(System system) { return kSystemNames[static_cast<size_t>(system)]; }
std::string_view to_string(Path path) { return kPathNames[static_cast<size_t>(path)]; }

std::optional<Chip> parse_chip(std::string_view name) { return find<Chip>(kChipNames, name); }
std::vector<std::string> chip_names() { return {kChipNames.begin(), kChipNames.end()}; }

Result<Profile> parse_profile(std::string_view text) {
  const auto unknown = [text] {
    return fail("there is no engine {}: write CHIP[:SYSTEM][:PATH], with a chip of {}; a system of {}; a path of {}",
                text, fmt::join(kChipNames, ", "), fmt::join(kSystemNames, ", "), fmt::join(kPathNames, ", "));
  };
  std::string_view rest = text;
  const auto chip = parse_chip(take_word(rest));
  if (!chip || text.ends_with(':')) return unknown();
  Profile profile{.chip = *chip};
  std::string_view word = take_word(rest);
  if (const auto system = find<System>(kSystemNames, word)) {
    profile.system = *system;
    word = take_word(rest);
  }
  if (const auto path = find<Path>(kPathNames, word)) {
    profile.path = *path;
    word = take_word(rest);
  }
  if (!word.empty() || !rest.empty()) return unknown();
  return profile;
}

std::string to_string(const Profile& profile) {
  std::string text(to_string(profile.chip));
  if (profile.system != Profile{}.system) text += fmt::format(":{}", to_string(profile.system));
  if (profile.path != Profile{}.path) text += fmt::format(":{}", to_string(profile.path));
  return text;
}

}  // namespace anemone::mil
