// Attention in two programs, Q·Kᵀ and P·V, with the causal softmax between them on the host.
//
//   SplitAttention attention{shape, ScoreLayout::query_by_key, std::move(scores), std::move(values)};
//   attention.scores.write({k, q});
//   attention.values.write(1, v);
//   TRY(attention.run());
//   const Numbers o = attention.values.read(0);
#pragma once

#include "probe/inquiry.h"
#include "probe/reference.h"

namespace anemone::probe {

// How the scores of a head stand on their surfaces.
enum class ScoreLayout { query_by_key, key_by_query };

struct SplitAttention {
  Heads shape;
  ScoreLayout layout;
  Trial scores;  // → Q·Kᵀ
  Trial values;  // P, which is its first input, … → P·V

  double flop() const { return 4.0 * static_cast<double>(shape.heads * shape.S * shape.S * shape.h); }
  Numbers in_layout(const Numbers& by_query) const;  // scores by query and key, and back
  void softmax_on_host();                            // from the result of `scores` to the input of `values`
  Result<RunTime> run();                             // all three
};

// The time of each program and of the whole, of so many runs, and of the softmax by itself.
Result<> time(Inquiry& inquiry, SplitAttention& attention, int64_t warmups, int64_t runs);

}  // namespace anemone::probe
