// The probes: questions put to a device, with answers that can be wrong.
//
//   const Probe* probe = find_probe("test_rmsnorm_bwd");                       // or "rmsnorm_bwd"
//   const std::vector<Finding> findings = probe->run(*device, Precision::fp32);
//   if (outcome_of(findings) == Outcome::fail) return 1;
//
// Adding one is a file in questions/ and a line in probe.cc.
#pragma once

#include <span>
#include <string>
#include <string_view>

#include "probe/inquiry.h"

namespace anemone::probe {

struct Probe {
  std::string_view name;       // the seed's, without its test_ or ane_
  std::string_view question;   // what it asks
  std::string_view method;     // what it does
  std::string_view reference;  // what answers are held against
  Result<> (*ask)(Inquiry& inquiry);

  // Of a device that nobody else uses: its budget of compiles may be spent.
  std::vector<Finding> run(Device& device, Precision precision) const;
};

std::span<const Probe> probes();
const Probe* find_probe(std::string_view name);  // with or without test_; null where there is none

}  // namespace anemone::probe
