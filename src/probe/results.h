// What `anemone probe NAME --json` wrote, read back: docs/anemone-probe-1.schema.json says what each field is.
//
//   results::File file = TRY(results::read("m5.json"));
//   for (const results::Probe& probe : file.probes) puts(probe.name.c_str());
//
// Such files come from other machines and are hostile until read.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace anemone::probe::results {

inline constexpr std::string_view kSchema = "anemone-probe/1";

struct Published {
  std::string machine, answer, source;
};

struct Finding {
  std::string what, outcome, answer, why;  // outcome: pass, differs, unavailable or fail
  bool measured = false;                   // the answer is a time or an error, other on each run
  std::vector<Published> published;
  std::string figures{};  // that the answer was drawn from, other on each run; older files have none
};

struct Probe {
  std::string name, question, outcome;
  std::vector<Finding> findings;

  const Finding* find(std::string_view what) const;  // null where there is none
};

struct Device {
  std::string name, description, precision;
};

struct File {
  std::string path, created, processor, system;
  Device device;
  std::vector<Probe> probes;

  const Probe* find(std::string_view name) const;  // null where there is none
};

Result<File> read(const std::string& path);
Result<File> parse(std::string_view text, const std::string& path);

}  // namespace anemone::probe::results
