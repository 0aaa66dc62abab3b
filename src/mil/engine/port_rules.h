// Rules of a program's inputs and outputs, and of the surfaces that are bound to them.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "mil/engine/rule.h"
#include "mil/type.h"

namespace anemone::mil {

// An input or output, and how large the surface is that is bound to it.
struct BoundPort {
  std::string name;
  TensorType type;
  int64_t surface = 0;  // bytes
};

// In the order in which they are bound.
struct Binding {
  std::vector<BoundPort> inputs, outputs;
};

struct PortRule {
  using Report = std::function<void(const BoundPort& port, std::string message)>;

  EngineRule rule;
  void (*check)(const Binding& binding, const Report& report);
};

const std::vector<PortRule>& port_rules();

}  // namespace anemone::mil
