// What is known of each chip's speed, as data: src/device/sim/chips/NAME.json, compiled in.
//
//   const ChipModel& m4 = chip(mil::Chip::m4);
//   m4.weight_gbs.value            // 65.5
//   m4.weight_gbs.source           // "maderix and ANEForge: 64 to 67"
//   m4.notch_share.borrowed_from   // "m4-max": not measured on this chip
#pragma once

#include <span>
#include <string>
#include <string_view>

#include "mil/engine/profile.h"

namespace anemone::sim {

struct Figure {
  double value = 0;
  std::string source;
  std::string borrowed_from;  // the chip whose figure it is; empty: this one's

  double operator*() const { return value; }
};

struct ChipModel {
  std::string name, engine;

  // Products.
  Figure clock_mhz;
  Figure product_share;        // of the peak of 16 cores · 256 multiply-adds a cycle: what long chains reach
  Figure int8_gain;            // how many times faster int8 times int8 is
  Figure int8_gain_pointwise;  // the same of 1×1 convolutions and matrix products
  Figure winograd;             // 1: kernels of width 3 take 4 products for 6
  Figure engines_gain;         // how many times faster all of its engines are than one

  // Memory.
  Figure weight_gbs;      // weights, streamed in
  Figure notch_share;     // what is left of that where a core's weights are a multiple of 1 MiB
  Figure activation_gbs;  // what enters and leaves a program, of one engine
  Figure end_to_end_gbs;  // the same with the host's copies into and out of surfaces

  // The rest of an evaluation.
  Figure elementwise_gops;  // elements a second, 1e9
  Figure elementwise_us;    // an operation more
  Figure floor_ms;          // an evaluation that does nothing
  Figure long_floor_ms;     // what is added where the work takes 660 µs or more; rising from 350 µs

  // Before the first evaluation.
  Figure compile_ms;         // a program
  Figure compile_op_ms;      // each of its operations
  Figure compile_ms_per_mb;  // its weights
  Figure load_ms;            // a compiled program
  Figure first_load_ms;      // the first one of a process
  Figure idle_ms;            // how long the engine stays on without work
  Figure wake_ms;            // the first evaluation after that takes so much longer
  Figure doze_ms;            // the first one after 100 ms of idleness takes so much longer

  double peak_flops() const { return 16 * 256 * 2 * *clock_mhz * 1e6; }
};

const ChipModel& chip(mil::Chip chip);

// The figures of a chip by name, in the order above; "weight_gbs".
struct FigureName {
  std::string_view name;
  Figure ChipModel::*figure;
};
std::span<const FigureName> figure_names();

}  // namespace anemone::sim
