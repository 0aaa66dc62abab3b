// What the report's page is put together from, each as HTML.
//
//   const std::vector<Reported> files = ...;           // a letter and a look for each
//   page += machines_table(files);
//   page += legend(files, "sram_probe") + figures(files, "sram_probe") + table(files, "sram_probe");
#pragma once

#include <span>
#include <string>
#include <string_view>

#include "bench/report_chart.h"
#include "bench/results.h"

namespace anemone::bench {

struct Reported {
  const results::File* file;
  int index = 0;

  std::string letter() const { return {static_cast<char>('A' + index)}; }
  std::string stem() const;  // of the file's name
  Look look() const { return {.file = index, .dashed = file->modelled()}; }
};

// Files in columns: device, clock, peak, processor, caches, system.
std::string machines_table(std::span<const Reported> files);

// Of the files that have the benchmark.
std::string legend(std::span<const Reported> files, std::string_view benchmark);

// Throughput and time over the size of the weights, and where time breaks. Empty where there are not two sizes.
std::string figures(std::span<const Reported> files, std::string_view benchmark);

// A row for each configuration and file, and for each published run that has it.
std::string table(std::span<const Reported> files, std::string_view benchmark);

}  // namespace anemone::bench
