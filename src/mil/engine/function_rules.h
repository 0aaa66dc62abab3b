// Rules of whole functions.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "mil/engine/rule.h"
#include "mil/function.h"

namespace anemone::mil {

struct FunctionRule {
  using Report = std::function<void(ValueId subject, std::string message)>;

  EngineRule rule;
  void (*check)(const Function& function, const Report& report);
};

const std::vector<FunctionRule>& function_rules();

}  // namespace anemone::mil
