// What the engine takes and what it refuses: the rules of mil/engine_rules.h, enforced where a program meets them.
//
//   Limits limits(TRY(mil::parse_profile("m4")), strict);
//   TRY(limits.check_compile(function, weights));                  // its rules, and the budget of programs
//   limits.loaded();                                               // … unloaded() when the program is freed
//   TRY(limits.check_bind(signature, inputs, outputs, options));
//   TRY(limits.check_run(options));                                // before each run
//
// An error names the rule, what breaks it and where, what the engine wants, what to do, and who saw it. Disputed rules
// are enforced with `strict` alone. One object stands for a process that drives the engine: its budgets are those of a
// device that is open. Any thread may call it at any time.
#pragma once

#include <atomic>
#include <cstdint>
#include <string>
#include <vector>

#include "device/device.h"
#include "mil/engine_rules.h"

namespace anemone::sim {

class Limits {
 public:
  Limits(const mil::Profile& profile, bool strict) : profile_(profile), strict_(strict) {}

  // Counts as a compile where it succeeds.
  Result<> check_compile(const mil::Function& function, const mil::Weights& weights);
  void loaded() { ++loaded_; }
  void unloaded() { --loaded_; }
  int64_t compiles_left() const;

  // The surface for weights is taken and changes nothing, as on the engine (C02), and so is each quality of service.
  Result<> check_bind(const Signature& signature, const std::vector<Surface*>& inputs,
                      const std::vector<Surface*>& outputs, const RequestOptions& options) const;
  Result<> check_run(const RequestOptions& options);

 private:
  bool counts_compiles() const;
  Result<> check_budget() const;

  mil::Profile profile_;
  bool strict_;
  std::atomic<int64_t> compiled_ = 0, loaded_ = 0;
  std::atomic<bool> poisoned_ = false;  // by an evaluation that failed (C27)
};

}  // namespace anemone::sim
