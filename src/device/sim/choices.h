// What the public measurements of the engine leave open, and what the simulator does there: each a named choice, in one
// place, so that a result which leans on one can say so.
//
//   for (const ChoiceText& c : choices()) print("{}: {}\n", c.name, c.chosen);   // round-from-1024: …
//   describe(Choice::round_from_1024).why
//
// Adding one is an enumerator here and an entry in choices.cc, in the same place.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

namespace anemone::sim {

enum class Choice : uint8_t {
  table_special_inputs,
  table_exponent_31,
  epsilon_rounding,
  negative_zero,
  round_from_1024,
  sigmoid_tail,
  sin_phase,
  cos_from_sin,
  gelu_table,
  silu_table,
  exp2_from_exp,
  composed_activations,
  settings_as_halves,
};

struct ChoiceText {
  Choice choice;
  std::string_view name;    // the enumerator in kebab-case
  std::string_view chosen;  // what the simulator does, in a sentence
  std::string_view why;     // what is known, and why this of all possibilities
};

std::span<const ChoiceText> choices();  // all, in the order of the enumeration
const ChoiceText& describe(Choice choice);

}  // namespace anemone::sim
