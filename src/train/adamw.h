// The arithmetic of the optimizer on one run of memory, vectorised, on the calling thread.
#pragma once

#include <cstdint>

namespace anemone::train {

// One update's constants: m ← β1·m + (1−β1)·g, v ← β2·v + (1−β2)·g², w ← w − step·m/(√(v·variance) + ε) − decay·w, with
// g = scale·gradient, step = rate/(1−β1^t), variance = 1/(1−β2^t) and decay = rate·weight_decay.
struct AdamWCoefficients {
  float beta1, beta2, epsilon, scale, step, variance, decay;
};

// A run of parameters with its gradients and moments.
struct AdamWRun {
  float* w;
  const float* gradient;
  float* m;
  float* v;
  AdamWRun operator+(int64_t offset) const { return {w + offset, gradient + offset, m + offset, v + offset}; }
};

void adamw(const AdamWCoefficients& coefficients, const AdamWRun& run, int64_t count);

// Σ x² in double.
double sum_of_squares(const float* x, int64_t count);

}  // namespace anemone::train
