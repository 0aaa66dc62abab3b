#include "mil/engine/rule.h"

#include <fmt/format.h>

#include <array>

namespace anemone::mil {
namespace {

constexpr std::array<std::string_view, 4> kStages{"compile", "bind", "run", "none"};
constexpr std::array<std::string_view, 5> kEffects{"refused", "wrong", "risky", "slow", "none"};
constexpr std::array<std::string_view, 3> kSeverities{"error", "warning", "note"};

template <class Enum>
bool among(unsigned bits, Enum value) {
  return (bits >> static_cast<unsigned>(value) & 1U) != 0;
}

}  // namespace

bool Conditions::hold(const Profile& profile) const {
  return among(chips, profile.chip) && among(systems, profile.system) && among(paths, profile.path);
}

std::string EngineRule::sources() const {
  return fmt::format("{}{}{}", source, disputed() ? "; disputed: " : "", against);
}

std::string_view to_string(Stage stage) { return kStages[static_cast<size_t>(stage)]; }
std::string_view to_string(Effect effect) { return kEffects[static_cast<size_t>(effect)]; }
std::string_view to_string(Severity severity) { return kSeverities[static_cast<size_t>(severity)]; }

Severity severity_of(const EngineRule& rule, const Profile& profile, bool strict) {
  if (rule.disputed()) return strict ? Severity::error : Severity::warning;
  if (rule.effect == Effect::slow || rule.effect == Effect::none) return Severity::note;
  const bool elsewhere = rule.effect == Effect::refused && profile.path == Path::coreml;
  return elsewhere || rule.effect == Effect::risky ? Severity::warning : Severity::error;
}

}  // namespace anemone::mil
