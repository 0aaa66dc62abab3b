#include "probe/finding.h"

#include <algorithm>
#include <cmath>

namespace anemone::probe {

std::string_view to_string(Outcome outcome) {
  switch (outcome) {
    case Outcome::pass:
      return "pass";
    case Outcome::unavailable:
      return "unavailable";
    case Outcome::differs:
      return "differs";
    case Outcome::fail:
      return "fail";
  }
  return "";
}

// Comparisons are false of what is not a number.
bool Errors::within(const Tolerance& tolerance) const {
  if (!(largest <= tolerance.ours * deviation)) return false;
  return largest < tolerance.seed_largest.value_or(INFINITY) && mean < tolerance.seed_mean.value_or(INFINITY);
}

Outcome outcome_of(const std::vector<Finding>& findings) {
  const auto any = [&](Outcome outcome) {
    return std::ranges::find(findings, outcome, &Finding::outcome) != findings.end();
  };
  for (const Outcome outcome : {Outcome::fail, Outcome::differs, Outcome::pass}) {
    if (any(outcome)) return outcome;
  }
  return Outcome::unavailable;
}

}  // namespace anemone::probe
