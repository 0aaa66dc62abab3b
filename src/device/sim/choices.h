// What the public measurements of the engine leave open, and what the simulator does there: each a named choice, in one
// place, so that a result which leans on one can say so.
//
//   for (const ChoiceText& c : choices()) print("{}: {}\n", c.name, c.chosen);   // round-adds-half: …
//   describe(Choice::round_adds_half).why
//
// Adding one is an enumerator here and an entry in choices.cc, in the same place.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

namespace anemone::sim {

enum class Choice : uint8_t {
  // Of unary functions
  table_special_inputs,
  fitted_tails,
  epsilon_rounding,
  sin_phase,
  gelu_and_silu_tables,
  round_adds_half,
  exp2_from_exp,
  cos_from_sin,
  atan_table,
  composed_functions,
  settings_as_halves,
  // Of everything else
  run_time_products,
  elementwise_everywhere,
  division,
  power,
  reduction_order,
  boundary_casts,
  exact_elsewhere,
  attention_mask,
  int8_rounding,
  int8_bias,
  int8_overflow,
  winograd_when,
  winograd_bias,
  winograd_overflow,
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
