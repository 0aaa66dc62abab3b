#include "device/sim/facts.h"

#include <fmt/format.h>

#include "device/sim/choices.h"
#include "device/sim/time/chip.h"
#include "mil/engine_rules.h"

namespace anemone::sim {
namespace {

std::string said(const Figure& figure) {
  const std::string borrowed =
      figure.borrowed_from.empty() ? "" : fmt::format(", borrowed from {}", figure.borrowed_from);
  return fmt::format("{} ({}{})", figure.value, figure.source, borrowed);
}

}  // namespace

std::vector<Fact> facts_of(const mil::Profile& profile) {
  const ChipModel& model = chip(profile.chip);
  std::vector<Fact> facts{{"engine", "profile", to_string(profile)}, {"engine", "code", model.engine}};
  for (const mil::EngineRule& rule : mil::engine_rules()) {
    if (!rule.where.hold(profile)) continue;
    facts.push_back({"rules", std::string(rule.id), fmt::format("{} ({})", rule.statement, rule.sources())});
  }
  for (const FigureName& name : figure_names()) {
    facts.push_back({"figures", std::string(name.name), said(model.*name.figure)});
  }
  for (const ChoiceText& choice : choices()) {
    facts.push_back({"choices", std::string(choice.name), std::string(choice.chosen)});
  }
  return facts;
}

}  // namespace anemone::sim
