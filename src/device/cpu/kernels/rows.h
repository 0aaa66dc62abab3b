// The rows of a nest of two operands, shared out among the threads.
#pragma once

#include <algorithm>

#include "base/parallel.h"
#include "device/loops.h"

namespace anemone::cpu {

inline constexpr int64_t kRowGrain = 16384;  // elements a thread should have at least

// Calls visit(offset of operand 0, offset of operand 1, elements) for pieces of rows.
template <class Visit>
void for_each_row(const Loops& loops, const Visit& visit) {
  const int64_t piece = std::min(loops.inner(), kRowGrain);
  const int64_t pieces = (loops.inner() + piece - 1) / piece;
  parallel_for(loops.rows() * pieces, std::max<int64_t>(1, kRowGrain / piece), [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) {
      const int64_t row = i / pieces, column = i % pieces * piece;
      visit(loops.row(0, row) + column * loops.inner_stride(0), loops.row(1, row) + column * loops.inner_stride(1),
            std::min(piece, loops.inner() - column));
    }
  });
}

}  // namespace anemone::cpu
