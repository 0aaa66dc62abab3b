// The training loss over channel-first logits [V, T], element (v, t) at v·T + t.
//
//   const double loss = cross_entropy_backward(logits, V, targets, loss_scale / T, logits) / T;
//
// Two passes over the logits, whatever their range; a NaN or an infinity among them comes out as a loss or a gradient
// that is not finite. Results do not depend on the number of threads.
#pragma once

#include <cstdint>
#include <span>

namespace anemone::train {

// Σ_t −ln p[targets[t], t] with p = softmax over v; T = targets.size(); each target is in [0, V).
double cross_entropy(const float* logits, int64_t V, std::span<const int32_t> targets);

// The same, and dlogits = (p − onehot(target))·scale; dlogits may be logits.
double cross_entropy_backward(const float* logits, int64_t V, std::span<const int32_t> targets, float scale,
                              float* dlogits);

// The same from probabilities p [V, T] that a device computed: Σ_t −ln(p[targets[t], t] + 1e-10), since a half may be
// 0.
double negative_log_likelihood(const float* p, std::span<const int32_t> targets);

// And p becomes (p − onehot(target))·scale.
double negative_log_likelihood_backward(float* p, int64_t V, std::span<const int32_t> targets, float scale);

}  // namespace anemone::train
