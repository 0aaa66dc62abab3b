// One small program a case: ops of sizes that the golden cases do not have, behind views and beside each other.
#pragma once

#include <functional>
#include <ostream>

#include "draft.h"

namespace anemone::conformance {

struct OpCase {
  std::string name;
  std::function<void(Draft&)> write;
  bool positive = false;  // the inputs
  double epsilons = 16;   // allowed error, compare.h
};

inline void PrintTo(const OpCase& op_case, std::ostream* out) { *out << op_case.name; }

std::vector<OpCase> op_cases();

// Each family, a file each.
std::vector<OpCase> elementwise_cases();
std::vector<OpCase> product_cases();
std::vector<OpCase> reduction_cases();
std::vector<OpCase> movement_cases();

}  // namespace anemone::conformance
