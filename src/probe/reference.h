// What results are held against: the transformer's formulas in double precision, as plain loops.
//
// Matrices are row-major; activations [C, S] as on a surface.
#pragma once

#include <cstdint>

#include "probe/trial.h"

namespace anemone::probe {

// y = W·x: W [M, K], x [K, S] → [M, S].
Numbers linear(const Numbers& W, const Numbers& x, int64_t M, int64_t K, int64_t S);

// y = x·ρ·w with ρ = (Σ_c x²/C + ε)^(−½) of each column: x [C, S], w [C].
Numbers rmsnorm(const Numbers& x, const Numbers& w, double eps);
// dx = (w∘dy − x·k)·ρ with k = ρ²·Σ_c(w∘dy∘x)/C.
Numbers rmsnorm_backward(const Numbers& x, const Numbers& w, const Numbers& dy, double eps);

}  // namespace anemone::probe
