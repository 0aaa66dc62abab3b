// What the engine makes of each half in the ops that take one number to one number. A function of 16 bits: whoever
// needs it often tabulates its 65536 results.
//
//   std::optional<Function> f = function_of("leaky_relu", call);   // its alpha is read from the call
//   Half y = f->evaluate(x);
//   for (Choice choice : f->choices) print("{}\n", describe(choice).name);   // what y leans on that is not known
#pragma once

#include <functional>
#include <optional>
#include <string_view>
#include <vector>

#include "base/half.h"
#include "device/sim/choices.h"
#include "mil/op.h"

namespace anemone::sim {

struct Function {
  std::function<Half(Half)> evaluate;
  std::vector<Choice> choices;
};

// The function that a use of an op computes, with its settings; nothing for an op that the engine does not have or that
// is not one of a single number, and for an alpha or beta that differs between channels or is not known.
std::optional<Function> function_of(std::string_view op, const mil::OpCall& call);

std::vector<std::string_view> function_ops();  // the ops that have one

}  // namespace anemone::sim
