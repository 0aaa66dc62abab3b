// A chain of elementwise ops run as one pass: tile by tile through all of them, so that what lies between stays in the
// first-level cache.
//
//   TileProgram p;                       // out = (x · w) + x, w repeated along rows
//   p.loops = ...;                       // operands: x, w, then out
//   p.loads = 2;
//   p.instructions = {{ElementOp::mul, 0, 1}, {ElementOp::add, 2, 0}};   // registers: loads, then results
//   p.stored = {{3}};
//   run_tiles(p, {x, w, out});
#pragma once

#include <cstddef>
#include <span>

#include "device/cpu/kernels/elementwise.h"
#include "device/loops.h"

namespace anemone::cpu {

inline constexpr size_t kTile = 512;          // floats
inline constexpr size_t kTileRegisters = 24;  // loads and instructions together; their tiles stand on the stack

struct TileInstruction {
  ElementOp op;
  uint8_t a = 0, b = 0, c = 0;  // registers
  float immediate = 0;
  bool integers = false;  // of int32 words (words.h)
  Rounding rounding = Rounding::none;
};

struct TileStore {
  uint8_t reg;
  bool narrow = false;  // to bfloat16
};

struct TileProgram {
  Loops loops;  // operands: the loaded ones, then the stored ones
  size_t loads = 0;
  std::vector<TileInstruction> instructions;
  std::vector<TileStore> stored;
};

// `operands` are the addresses of the loops' operands: floats, but for those stored narrow. A stored operand may be a
// loaded one, element for element.
void run_tiles(const TileProgram& program, std::span<std::byte* const> operands);

}  // namespace anemone::cpu
