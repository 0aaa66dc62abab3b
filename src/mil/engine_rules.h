// The engine's limits as data: which programs the Neural Engine's compiler or hardware refuses, or answers wrongly.
//
//   for (const Finding& finding : engine_findings(function, "m4")) ...   // C12 error at 12:5 matmul: …
//
// The catalogue was gathered from public measurements (each rule names them); where these disagree a rule is disputed,
// and breaking it is a warning that says so.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "mil/function.h"

namespace anemone::mil {

enum class Chip : uint8_t { m1, m3_ultra, m4, m4_pro, m4_max, m5, m6 };
std::optional<Chip> parse_chip(std::string_view name);  // "m4-max"
std::vector<std::string> chip_names();

enum class Severity : uint8_t { error, warning };

struct EngineRule {
  std::string_view id;         // as the catalogue numbers them: S for surfaces, C for the compiler and the hardware
  std::string_view statement;  // what the engine wants
  std::string_view source;     // who saw it, and who saw otherwise
  bool disputed = false;
};

struct Finding {
  const EngineRule* rule;
  Severity severity;
  std::string_view function;  // its name, where it stands: thousands of findings do not copy a long one
  std::string subject;        // an operation's or a value's name
  Location location;
  std::string message;  // what in the program breaks the rule
};

std::vector<EngineRule> engine_rules();  // the whole catalogue

// What in a checked function breaks the rules of a chip, in the order of the program.
std::vector<Finding> engine_findings(const Function& function, Chip chip, const Weights* weights = nullptr);

}  // namespace anemone::mil
