// A chain of elementwise ops in the making, which becomes one pass over memory.
//
//   ElementwiseChain chain(shape);
//   uint8_t x = chain.load(x_view);
//   uint8_t y = chain.apply({.op = ElementOp::square, .a = x});
//   chain.store(y, y_view);
//   TileProgram program = chain.finish();      // operands: chain.views()
#pragma once

#include "device/cpu/kernels/tile.h"
#include "device/layout.h"

namespace anemone::cpu {

class ElementwiseChain {
 public:
  explicit ElementwiseChain(mil::Shape shape) : shape_(std::move(shape)) {}

  const mil::Shape& shape() const { return shape_; }
  bool empty() const { return instructions_.empty(); }
  // Whether so many loads and instructions more still fit.
  bool has_room(size_t more) const { return loads_.size() + instructions_.size() + more <= kTileRegisters; }

  // The register of a view that broadcasts to the chain's shape; the same one for the same place.
  uint8_t load(const View& view);
  // Registers of instructions count on from kTileRegisters until finish() settles them.
  uint8_t apply(const TileInstruction& instruction);
  void store(uint8_t reg, const View& view, bool narrow = false);  // narrow: a view of bfloat16s

  // The first loaded view that has an element for each of the chain's; its layout suits the results.
  const View* full_load() const;
  std::vector<View> views() const;  // loaded, then stored
  bool is_narrow(size_t view) const { return view >= loads_.size() && stored_[view - loads_.size()].narrow; }
  TileProgram finish() const;

 private:
  uint8_t settled(uint8_t reg) const;

  mil::Shape shape_;
  std::vector<View> loads_, stores_;
  std::vector<TileInstruction> instructions_;
  std::vector<TileStore> stored_;
};

}  // namespace anemone::cpu
