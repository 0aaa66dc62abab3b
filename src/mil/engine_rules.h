// The engine's limits as data: which programs the Neural Engine's compiler or hardware refuses, or answers wrongly.
//
//   const Profile m4 = TRY(parse_profile("m4"));
//   for (const Finding& finding : engine_findings(function, m4)) ...   // C12 error at 12:5 matmul: …
//   for (const EngineRule& rule : engine_rules()) ...                  // the catalogue
//
// The catalogue was gathered from public measurements (each rule names them); where these disagree a rule is disputed,
// and breaking it is a warning that says so.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "mil/engine/port_rules.h"
#include "mil/engine/profile.h"
#include "mil/engine/rule.h"
#include "mil/function.h"

namespace anemone::mil {

struct Finding {
  const EngineRule* rule;
  Severity severity;
  std::string_view function;  // its name, where it stands: thousands of findings do not copy a long one
  std::string subject;        // an operation's or a value's name
  Location location;
  std::string message;  // what in the program breaks the rule
};

// The whole catalogue, by id. An id has several entries where it says several things, or other things elsewhere.
const std::vector<EngineRule>& engine_rules();
// The entry of an id that holds for a profile, the first of several; null where there is none.
const EngineRule* find_rule(std::string_view id, const Profile& profile);

// What in a checked function breaks the rules of an engine, in the order of the program. Surfaces count as large as
// their tensors. With `strict`, disputed rules are errors.
std::vector<Finding> engine_findings(const Function& function, const Profile& profile, const Weights* weights = nullptr,
                                     bool strict = false);

// The same of surfaces alone.
std::vector<Finding> binding_findings(const Binding& binding, const Profile& profile, bool strict = false);

}  // namespace anemone::mil
