// Figures of a chip fitted to published times.
//
//   ChipModel fitted = fit(chip, {&ChipModel::floor_ms}, {{workload, 0.160}, ...});
#pragma once

#include <span>
#include <vector>

#include "bench/published_programs.h"
#include "device/sim/time/time_model.h"

namespace anemone::bench {

// A row as the model of time sees it.
struct Workload {
  struct Program {
    std::vector<sim::Layer> layers;
    double times;
  };
  std::vector<Program> programs;
  sim::Quantity quantity;
  int64_t depth = 1;  // of the chain
  bool one_engine = false;

  double flops() const;  // of the products
  double milliseconds(const sim::ChipModel& chip) const;
};
Workload workload_of(const sim::PublishedTable& table, const sim::PublishedRow& row,
                     std::span<const RepeatedProgram> programs);

struct Observation {
  const Workload* workload;
  double milliseconds;
};

using Figures = std::vector<sim::Figure sim::ChipModel::*>;

// The chip with those figures that make the sum of the squares of log(predicted / observed) least, found from the
// present ones by a search along each figure.
sim::ChipModel fit(sim::ChipModel chip, const Figures& figures, std::span<const Observation> observations);

}  // namespace anemone::bench
