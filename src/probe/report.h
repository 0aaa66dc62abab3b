// What probes found on a device, for people and for machines.
//
//   Report report(*device, Precision::fp32);
//   report.probes.push_back({probe, probe->run(*device, Precision::fp32)});
//   fmt::print("{}", to_text(report.probes.back()));
//   fmt::print("{}", to_json(report));              // docs/probes.md, "anemone-probe/1"
#pragma once

#include <string>
#include <vector>

#include "base/machine.h"
#include "probe/probe.h"

namespace anemone::probe {

struct Probed {
  const Probe* probe;
  std::vector<Finding> findings;

  Outcome outcome() const { return outcome_of(findings); }
};

struct Report {
  Report(const DeviceInfo& device, Precision precision);

  std::string created;  // "2026-01-31T12:00:00Z"
  Machine machine;
  DeviceInfo device;
  Precision precision;
  std::vector<Probed> probes{};
};

std::string heading(const Report& report);
std::string to_text(const Probed& probed);
std::string summary(const Report& report);  // how many passed, differ, …
std::string to_json(const Report& report);

}  // namespace anemone::probe
