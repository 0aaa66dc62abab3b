// The benchmarks of the suite, as data: one list drives programs, labels, warm-ups, runs, tables and files.
//
//   for (const Benchmark& benchmark : suite()) {
//     for (const Configuration& c : benchmark.configurations) fmt::print("{} {}\n", benchmark.name, c.label);
//   }
#pragma once

#include <span>
#include <string>
#include <vector>

#include "bench/suite/chain.h"

namespace anemone::bench {

struct Configuration {
  std::string label;
  Chain chain;
  bool package = false;  // written as .mlpackage and read back first
};

// A column of a table.
enum class Column { weights, activations, total, gflop, milliseconds, tflops, peak, library, density, speedup };

struct Benchmark {
  std::string name, title;
  int64_t warmups = 0, runs = 0;  // the seed's
  std::vector<Column> columns;
  std::vector<Configuration> configurations;
  bool seeks_cliff = false;  // where time grows faster with the size of the weights
};

std::span<const Benchmark> suite();

// The names, and "all".
std::vector<std::string> suite_names();

}  // namespace anemone::bench
