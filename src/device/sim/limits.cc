#include "device/sim/limits.h"

#include <fmt/format.h>

#include <algorithm>

#include "mil/engine/device_rules.h"

namespace anemone::sim {
namespace {

using mil::EngineRule;
using mil::Finding;
using mil::Severity;

// "C12 on m4: h of main at 5:44: matmul: it contracts 40000, but … at most 32768 elements: split … (751K (M4, M6))"
std::string sentence(const EngineRule& rule, const mil::Profile& profile, const std::string& what) {
  return fmt::format("{} on {}: {}, but {}: {} ({})", rule.id, to_string(profile), what, rule.statement, rule.remedy,
                     rule.sources());
}

std::string what_of(const Finding& finding) {
  std::string what = finding.subject;
  if (!finding.function.empty()) what += fmt::format(" of {}", finding.function);
  if (finding.location.line > 0) what += fmt::format(" at {}:{}", finding.location.line, finding.location.column);
  return fmt::format("{}: {}", what, finding.message);
}

bool is_error(const Finding& finding) { return finding.severity == Severity::error; }

// The first of the errors, and how many others there are.
Result<> first_error(const std::vector<Finding>& findings, const mil::Profile& profile) {
  const auto first = std::ranges::find_if(findings, is_error);
  if (first == findings.end()) return {};
  const auto others = std::ranges::count_if(findings, is_error) - 1;
  return fail("{}{}", sentence(*first->rule, profile, what_of(*first)),
              others > 0 ? fmt::format("; and {} more, which `anemone mil check` lists", others) : "");
}

std::vector<mil::BoundPort> bound(const std::vector<Port>& ports, const std::vector<Surface*>& surfaces) {
  std::vector<mil::BoundPort> result;
  for (size_t i = 0; i < ports.size(); ++i) {
    result.push_back({ports[i].name, ports[i].type, static_cast<int64_t>(surfaces[i]->bytes())});
  }
  return result;
}

const EngineRule& loaded_rule(const mil::Profile& profile) {
  return profile.path == mil::Path::direct ? mil::kLoadedRule : mil::kLoadedByCoreMLRule;
}
int64_t most_loaded(const mil::Profile& profile) {
  return profile.path == mil::Path::direct ? mil::kMostLoaded : mil::kMostLoadedByCoreML;
}

}  // namespace

bool Limits::counts_compiles() const { return strict_ && mil::kCompilesRule.where.hold(profile_); }

Result<> Limits::check_budget() const {
  if (loaded_ >= most_loaded(profile_)) {
    return fail("{}", sentence(loaded_rule(profile_), profile_, fmt::format("{} programs are loaded", loaded_.load())));
  }
  if (counts_compiles() && compiled_ >= mil::kMostCompiles) {
    return fail("{}",
                sentence(mil::kCompilesRule, profile_, fmt::format("{} programs were compiled", compiled_.load())));
  }
  return {};
}

Result<> Limits::check_compile(const mil::Function& function, const mil::Weights& weights) {
  TRY(check_budget());
  std::vector<Finding> findings = mil::engine_findings(function, profile_, &weights, strict_);
  std::erase_if(findings, [](const Finding& finding) { return finding.rule->stage != mil::Stage::compile; });
  TRY(first_error(findings, profile_));
  ++compiled_;
  return {};
}

int64_t Limits::compiles_left() const {
  const int64_t by_loaded = most_loaded(profile_) - loaded_;
  return std::max<int64_t>(0, counts_compiles() ? std::min(by_loaded, mil::kMostCompiles - compiled_) : by_loaded);
}

Result<> Limits::check_bind(const Signature& signature, const std::vector<Surface*>& inputs,
                            const std::vector<Surface*>& outputs, const RequestOptions& options) const {
  TRY(check_surfaces(signature, inputs, outputs));
  if (options.qos >= mil::kQualities) {
    return fail("there is no quality of service {}: give one from 0 to {}, all of which do the same on the engine",
                options.qos, mil::kQualities - 1);
  }
  const mil::Binding binding{bound(signature.inputs, inputs), bound(signature.outputs, outputs)};
  return first_error(mil::binding_findings(binding, profile_, strict_), profile_);
}

Result<> Limits::check_run(const RequestOptions& options) {
  if (poisoned_) return fail("{}", sentence(mil::kPoisonRule, profile_, "an earlier evaluation failed"));
  if (options.procedure < mil::kProcedures || !mil::kProcedureRule.where.hold(profile_)) return {};
  poisoned_ = strict_ && mil::kPoisonRule.where.hold(profile_);
  return fail("{}",
              sentence(mil::kProcedureRule, profile_, fmt::format("procedure {} was asked for", options.procedure)));
}

}  // namespace anemone::sim
