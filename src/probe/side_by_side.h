// Answers of several devices or machines beside each other, and beside what is published of the real engine.
//
//   std::vector<results::File> files{TRY(results::read("cpu.json")), TRY(results::read("m5.json"))};
//   const SideBySide table = side_by_side(files);
//   fmt::print("{}", to_text(table, files));
#pragma once

#include <string>
#include <vector>

#include "probe/results.h"

namespace anemone::probe {

struct ComparedFinding {
  std::string what;
  std::vector<const results::Finding*> findings{};  // one a file; null where the file has not asked
  std::vector<results::Published> published{};      // of all files, each once
  // Files answer otherwise than each other. Errors and times are other on each run, so of these outcomes count; figures
  // beside an answer do not.
  bool differs = false;
};

struct ComparedProbe {
  std::string name, question{};
  std::vector<std::string> outcomes{};  // one a file; empty where the file has not asked
  std::vector<ComparedFinding> rows{};
};

struct SideBySide {
  std::vector<ComparedProbe> probes;  // in the order in which the files have them

  int64_t differences() const;
};

SideBySide side_by_side(const std::vector<results::File>& files);

std::string to_text(const SideBySide& table, const std::vector<results::File>& files);
std::string to_json(const SideBySide& table, const std::vector<results::File>& files);

}  // namespace anemone::probe
