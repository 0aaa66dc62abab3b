// Results of benchmarks as one page that needs nothing else: tables, charts, several machines beside each other and
// beside what others published.
//
//   std::vector<results::File> files{TRY(results::read("cpu.json")), TRY(results::read("m4.json"))};
//   std::string html = report_page(files);
#pragma once

#include <span>
#include <string>

#include "bench/results.h"

namespace anemone::bench {

inline constexpr int64_t kMostReported = 26;  // files in one page, a letter each

std::string report_page(std::span<const results::File> files);

}  // namespace anemone::bench
