// Holds functions and bindings against the rules.
#include <fmt/format.h>

#include <algorithm>

#include "mil/engine/device_rules.h"
#include "mil/engine/function_rules.h"
#include "mil/engine/operation_rules.h"
#include "mil/engine_rules.h"
#include "mil/inference.h"

namespace anemone::mil {
namespace {

// The rules of one engine, and what was found to break them.
class Findings {
 public:
  Findings(const Profile& profile, bool strict) : profile_(profile), strict_(strict) {}

  bool apply(const EngineRule& rule) const { return rule.where.hold(profile_); }
  void add(const EngineRule& rule, std::string_view function, std::string subject, Location location,
           std::string message) {
    found_.push_back(
        {&rule, severity_of(rule, profile_, strict_), function, std::move(subject), location, std::move(message)});
  }
  std::vector<Finding> take() { return std::move(found_); }

 private:
  Profile profile_;
  bool strict_;
  std::vector<Finding> found_;
};

// Calls report(rule, port, message) for each port that breaks a rule of the engine.
template <class Report>
void check_ports(const Binding& binding, const Findings& findings, const Report& report) {
  for (const PortRule& rule : port_rules()) {
    if (!findings.apply(rule.rule)) continue;
    rule.check(binding,
               [&](const BoundPort& port, std::string message) { report(rule.rule, port, std::move(message)); });
  }
}

std::vector<BoundPort> ports_of(const Function& function, const std::vector<ValueId>& ids) {
  std::vector<BoundPort> ports;
  for (ValueId id : ids) {
    const ValueInfo& value = function.value(id);
    const int64_t bytes = is_flexible(value.type.shape) ? 0 : static_cast<int64_t>(value.type.bytes());
    ports.push_back({value.name, value.type, bytes});
  }
  return ports;
}

class Checker {
 public:
  Checker(const Function& function, Findings& findings, const Weights* weights)
      : function_(function), findings_(findings), inference_(weights), producers_(function.values.size(), nullptr) {}

  void run() {
    for (const Operation& operation : function_.operations) {
      for (ValueId id : operation.results) producers_[size_t(id)] = &operation;
    }
    const Binding binding{ports_of(function_, function_.inputs), ports_of(function_, function_.outputs)};
    check_ports(binding, findings_, [&](const EngineRule& rule, const BoundPort& port, std::string message) {
      findings_.add(rule, function_.name, port.name, location_of(port.name), std::move(message));
    });
    for (const FunctionRule& rule : function_rules()) {
      if (!findings_.apply(rule.rule)) continue;
      rule.check(function_, [&](ValueId id, std::string message) {
        findings_.add(rule.rule, function_.name, function_.value(id).name, location_of(id), std::move(message));
      });
    }
    for (const Operation& operation : function_.operations) check(operation);
  }

 private:
  // Only what is computed at run time is the engine's.
  void check(const Operation& operation) {
    inference_.learn(function_, operation);
    if (operation.results.empty() || inference_.is_constant(function_, operation.results[0])) return;
    if (inference_.is_open(function_, operation)) return;
    OpCall call(inference_.arguments(function_, operation));
    const Use use{function_, operation, std::move(call), producers_};
    for (const OperationRule& rule : operation_rules()) {
      if (!findings_.apply(rule.rule)) continue;
      if (Violation how = rule.broken(use)) {
        findings_.add(rule.rule, function_.name, operation.name, operation.location,
                      fmt::format("{}: {}", operation.op->name, *how));
      }
    }
  }

  Location location_of(ValueId id) const {
    const Operation* producer = producers_[size_t(id)];
    return producer == nullptr ? Location{} : producer->location;
  }
  // Of an output; inputs have none.
  Location location_of(std::string_view port) const {
    for (ValueId id : function_.outputs) {
      if (function_.value(id).name == port) return location_of(id);
    }
    return {};
  }

  const Function& function_;
  Findings& findings_;
  Inference inference_;
  std::vector<const Operation*> producers_;
};

}  // namespace

const std::vector<EngineRule>& engine_rules() {
  static const std::vector<EngineRule> rules = [] {
    std::vector<EngineRule> all = device_rules();
    for (const PortRule& rule : port_rules()) all.push_back(rule.rule);
    for (const FunctionRule& rule : function_rules()) all.push_back(rule.rule);
    for (const OperationRule& rule : operation_rules()) all.push_back(rule.rule);
    const auto surfaces_first = [](const EngineRule& rule) { return std::pair(rule.id[0] != 'S', rule.id); };
    std::ranges::stable_sort(all, {}, surfaces_first);
    return all;
  }();
  return rules;
}

const EngineRule* find_rule(std::string_view id, const Profile& profile) {
  for (const EngineRule& rule : engine_rules()) {
    if (rule.id == id && rule.where.hold(profile)) return &rule;
  }
  return nullptr;
}

std::vector<Finding> engine_findings(const Function& function, const Profile& profile, const Weights* weights,
                                     bool strict) {
  Findings findings(profile, strict);
  Checker(function, findings, weights).run();
  return findings.take();
}

std::vector<Finding> binding_findings(const Binding& binding, const Profile& profile, bool strict) {
  Findings findings(profile, strict);
  check_ports(binding, findings, [&](const EngineRule& rule, const BoundPort& port, std::string message) {
    if (rule.stage == Stage::bind) findings.add(rule, {}, port.name, {}, std::move(message));
  });
  return findings.take();
}

}  // namespace anemone::mil
