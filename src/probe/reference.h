// What results are held against: the transformer's formulas in double precision, as plain loops.
//
// Matrices are row-major; activations [C, S] as on a surface.
#pragma once

#include <cstdint>

#include "probe/trial.h"

namespace anemone::probe {

// y = W·x: W [M, K], x [K, S] → [M, S].
Numbers linear(const Numbers& W, const Numbers& x, int64_t M, int64_t K, int64_t S);
// Each of the matrices [rows, columns] that x holds one after another, transposed.
Numbers transposed(const Numbers& x, int64_t rows, int64_t columns);

// y = x·ρ·w with ρ = (Σ_c x²/C + ε)^(−½) of each column: x [C, S], w [C].
Numbers rmsnorm(const Numbers& x, const Numbers& w, double eps);
// dx = (w∘dy − x·k)·ρ with k = ρ²·Σ_c(w∘dy∘x)/C.
Numbers rmsnorm_backward(const Numbers& x, const Numbers& w, const Numbers& dy, double eps);

// Over the channels: x [C, S], whose columns sum to 1 afterwards.
Numbers softmax(const Numbers& x, int64_t S);
// g = h1·σ(h1)·h3.
Numbers swiglu(const Numbers& h1, const Numbers& h3);

// Attention of so many heads h: q, k, v and its result are [heads, S, h].
struct Heads {
  int64_t heads = 0, S = 0, h = 0;
};
// Q·Kᵀ [heads, query, key].
Numbers attention_scores(const Heads& shape, const Numbers& q, const Numbers& k);
// P = softmax(scores/√h) over the keys, or over those that are not after the query.
Numbers attention_weights(const Heads& shape, const Numbers& scores, bool causal);
// To be added to scores [S, S] before the softmax: 0, but the least half where the key is after the query.
Numbers causal_mask(int64_t S);
// P·V.
Numbers weighted_values(const Heads& shape, const Numbers& p, const Numbers& v);
Numbers attention(const Heads& shape, const Numbers& q, const Numbers& k, const Numbers& v, bool causal);

}  // namespace anemone::probe
