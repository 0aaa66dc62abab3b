// What a probe found: a finding for each thing that it looked at.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "device/clock.h"
#include "device/device.h"

namespace anemone::probe {

// From good to bad: a probe's outcome is the worst of its findings', but that what is unavailable beside findings that
// are not leaves these to decide.
enum class Outcome : uint8_t {
  pass,         // within the tolerances; or as published
  unavailable,  // the device has no such thing
  differs,      // a sound answer, other than what is published of the real engine
  fail,         // wrong, or it could not be found out
};
std::string_view to_string(Outcome outcome);

// What is known of a real engine.
struct Published {
  std::string machine;  // "M4", "M4 Max", "M5"
  std::string answer;
  std::string source;  // who saw it
};

// The most that results may be off.
struct Tolerance {
  double ours = 0;  // of the greatest error, as a share of the standard deviation of what is expected
  std::optional<double> seed_largest{}, seed_mean{};  // absolute
};

// How far results are off; not a number where they are none.
struct Errors {
  double largest = 0, mean = 0;
  double deviation = 0;  // the standard deviation of what was expected: what a constant would be off by
  int64_t count = 0;
  std::string where{};  // "element 17 is 0.5, expected 0.25", of the largest

  bool within(const Tolerance& tolerance) const;
};

// Of so many runs.
struct Timing {
  int64_t runs = 0;
  double milliseconds = 0;  // the mean
  Clock clock = Clock::host;
  double flop = 0;  // of one run; 0 where it says nothing
};

struct Finding {
  std::string what;  // unique within a probe
  Outcome outcome = Outcome::pass;
  std::string answer;     // in a few words, the same for the same answer; empty where there is none
  std::string why{};      // of an outcome that is no pass
  std::string figures{};  // measured ones, other on each run, that an answer in words was drawn from
  std::optional<Errors> errors{};
  std::optional<Tolerance> tolerance{};  // where there are errors
  std::optional<Timing> timing{};
  std::vector<Published> published{};
  std::vector<Fact> facts{};
};

Outcome outcome_of(const std::vector<Finding>& findings);

}  // namespace anemone::probe
