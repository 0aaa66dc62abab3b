#include "bench/fit.h"

#include <cmath>

namespace anemone::bench {
namespace {

using sim::ChipModel;
using sim::Quantity;

double milliseconds_of(std::chrono::nanoseconds time) { return static_cast<double>(time.count()) * 1e-6; }

// The bytes that pass through surfaces.
double surface_bytes(const std::vector<sim::Layer>& layers) {
  double bytes = 0;
  for (const sim::Layer& layer : layers) bytes += static_cast<double>(layer.input_bytes + layer.output_bytes);
  return bytes;
}

// With the host's copies: nothing of what passes through surfaces is hidden by other work.
double end_to_end_milliseconds(const ChipModel& chip, std::vector<sim::Layer> layers) {
  const double bytes = surface_bytes(layers);
  for (sim::Layer& layer : layers) layer.input_bytes = layer.output_bytes = 0;
  return milliseconds_of(sim::estimate(chip, layers).total) + bytes / (*chip.end_to_end_gbs * 1e6);
}

double program_milliseconds(const ChipModel& chip, const std::vector<sim::Layer>& layers, Quantity quantity,
                            int64_t depth) {
  if (quantity == Quantity::compile) return milliseconds_of(sim::compile_time(chip, layers));
  if (quantity == Quantity::compile_and_load) {
    return milliseconds_of(sim::compile_time(chip, layers) + sim::load_time(chip, true));
  }
  if (quantity == Quantity::end_to_end) return end_to_end_milliseconds(chip, layers);
  const sim::Estimate e = sim::estimate(chip, layers);
  if (quantity == Quantity::layer) return milliseconds_of(e.total - e.floor) / static_cast<double>(depth);
  return milliseconds_of(e.total);
}

double squared_errors(const ChipModel& chip, std::span<const Observation> observations) {
  double sum = 0;
  for (const Observation& o : observations)
    sum += std::pow(std::log(o.workload->milliseconds(chip) / o.milliseconds), 2);
  return sum;
}

}  // namespace

double Workload::flops() const {
  double sum = 0;
  for (const Program& program : programs) {
    for (const sim::Layer& layer : program.layers) sum += 2 * layer.macs * program.times;
  }
  return sum;
}

double Workload::milliseconds(const ChipModel& chip) const {
  ChipModel engine = chip;
  if (one_engine) engine.engines_gain.value = 1;
  double sum = 0;
  for (const Program& program : programs) {
    sum += program.times * program_milliseconds(engine, program.layers, quantity, depth);
  }
  return sum;
}

Workload workload_of(const sim::PublishedTable& table, const sim::PublishedRow& row,
                     std::span<const RepeatedProgram> programs) {
  Workload workload{
      .programs = {}, .quantity = table.quantity, .depth = row.program.depth, .one_engine = table.one_engine};
  for (const RepeatedProgram& program : programs) {
    workload.programs.push_back({sim::layers_of(program.function), static_cast<double>(program.times)});
  }
  return workload;
}

ChipModel fit(ChipModel chip, const Figures& figures, std::span<const Observation> observations) {
  double best = squared_errors(chip, observations);
  const auto better = [&](sim::Figure ChipModel::*figure, double factor) {
    const double before = (chip.*figure).value;
    (chip.*figure).value *= factor;
    const double now = squared_errors(chip, observations);
    if (now < best) {
      best = now;
      return true;
    }
    (chip.*figure).value = before;
    return false;
  };
  for (double step = 1.2; step > 1.0005;) {
    bool moved = false;
    for (auto figure : figures) moved = better(figure, step) || better(figure, 1 / step) || moved;
    if (!moved) step = std::sqrt(step);
  }
  return chip;
}

}  // namespace anemone::bench
