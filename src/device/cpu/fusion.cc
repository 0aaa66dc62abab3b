#include "device/cpu/fusion.h"

#include <algorithm>

namespace anemone::cpu {

uint8_t ElementwiseChain::load(const View& view) {
  const View spread = broadcast_to(view, shape_);
  for (size_t i = 0; i < loads_.size(); ++i) {
    if (same_place(loads_[i], spread)) return static_cast<uint8_t>(i);
  }
  loads_.push_back(spread);
  return static_cast<uint8_t>(loads_.size() - 1);
}

uint8_t ElementwiseChain::apply(const TileInstruction& instruction) {
  instructions_.push_back(instruction);
  return static_cast<uint8_t>(kTileRegisters + instructions_.size() - 1);
}

void ElementwiseChain::store(uint8_t reg, const View& view, bool narrow) {
  stored_.push_back({reg, narrow});
  stores_.push_back(view);
}

const View* ElementwiseChain::full_load() const {
  const auto full = [&](const View& view) {
    for (size_t d = 0; d < shape_.size(); ++d) {
      if (shape_[d] != 1 && view.strides[d] == 0) return false;
    }
    return true;
  };
  const auto found = std::ranges::find_if(loads_, full);
  return found == loads_.end() ? nullptr : &*found;
}

std::vector<View> ElementwiseChain::views() const {
  std::vector<View> views = loads_;
  views.insert(views.end(), stores_.begin(), stores_.end());
  return views;
}

uint8_t ElementwiseChain::settled(uint8_t reg) const {
  return reg < kTileRegisters ? reg : static_cast<uint8_t>(reg - kTileRegisters + loads_.size());
}

TileProgram ElementwiseChain::finish() const {
  // The nest follows the first result, so that it is written in order.
  std::vector<const View*> order{&stores_[0]};
  const std::vector<View> all = views();
  for (const View& view : all) order.push_back(&view);
  TileProgram program{loops_over(order), loads_.size(), instructions_, stored_};
  program.loops.strides.erase(program.loops.strides.begin());
  for (TileInstruction& instruction : program.instructions) {
    instruction.a = settled(instruction.a);
    instruction.b = settled(instruction.b);
    instruction.c = settled(instruction.c);
  }
  for (TileStore& store : program.stored) store.reg = settled(store.reg);
  return program;
}

}  // namespace anemone::cpu
