#include "probe/questions/engine_answers.h"

#include <fmt/format.h>

#include <algorithm>

namespace anemone::probe {
namespace {

bool same_letter(char a, char b) {
  return std::tolower(static_cast<unsigned char>(a)) == std::tolower(static_cast<unsigned char>(b));
}

bool contains(std::string_view text, std::string_view word) {
  return std::search(text.begin(), text.end(), word.begin(), word.end(), same_letter) != text.end();
}

}  // namespace

std::vector<Fact> facts_of(const std::vector<EngineAnswer>& answers) {
  std::vector<Fact> facts;
  for (const EngineAnswer& answer : answers) {
    const std::string source = answer.source.empty() ? "" : fmt::format(" ({})", answer.source);
    facts.push_back({answer.taken ? "taken" : "refused", answer.call, answer.answer + source});
  }
  return facts;
}

std::vector<Fact> classes_about(const Device& device, const std::vector<std::string_view>& words) {
  std::vector<Fact> facts = device.facts();
  std::erase_if(facts, [&](const Fact& fact) {
    const auto in_name = [&](std::string_view word) { return contains(fact.group, word); };
    return !fact.group.starts_with("class ") || std::ranges::none_of(words, in_name);
  });
  return facts;
}

Result<std::vector<EngineAnswer>> rewrite_weights(Device& device, Trial& trial, const mil::Weights& weights) {
  if (EngineCalls* const calls = device.engine_calls()) return calls->rewrite_weights(trial.program(), weights);
  TRY(trial.program().reload(weights));
  return std::vector<EngineAnswer>{};
}

}  // namespace anemone::probe
