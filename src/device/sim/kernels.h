// The arithmetic that programs are lowered to, twice: as the specification says it, line by line, and in vectors. Both
// give the same bits.
//
//   const Kernels& k = kernels(Implementation::vectors);
//   k.combine(Combination::add, {x, 1}, {y, 1}, z, count);
#pragma once

#include <functional>

#include "device/sim/kernels/elementwise.h"
#include "device/sim/kernels/product.h"

namespace anemone::sim {

enum class Implementation : uint8_t { vectors, readable };

struct Kernels {
  std::function<void(const Product& p, const Half* a, const Half* b, const Half* bias, const Result2D& c,
                     float* scratch)>
      multiply;
  std::function<void(Combination how, const Run& x, const Run& y, Half* to, int64_t count)> combine;
};

const Kernels& kernels(Implementation implementation);

}  // namespace anemone::sim
