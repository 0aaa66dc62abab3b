// The matrix products that a training step needs by its mathematics, whatever the code does.
//
//   for (const StepProduct& p : step_products(config, /*batch=*/1, /*seq=*/256)) flops += p.flops();
//
// T = batch·seq tokens; activations are [C, T]. A linear map y = W·x, W [out, in], has three: itself, dx = Wᵀ·dy and
// dW = dy·xᵀ. Causal attention has six a head, cut into blocks of queries (or keys) and of these only what lies at or
// below the diagonal; P = softmax(qᵀ·k/√h) is not computed twice.
#pragma once

#include <string>
#include <vector>

#include "base/gemm.h"
#include "model/config.h"

namespace anemone::bench {

inline constexpr int64_t kAttentionBlock = 64;  // queries or keys

struct StepProduct {
  // What of it is another matrix each time; the others stay.
  enum class Weights { left, result, none };

  std::string name;  // "linear", "linear dx", "linear dW", "classifier", …, "attention"
  Gemm gemm;
  int64_t times = 1;    // a step
  int64_t at_once = 1;  // of them side by side, each by one thread: the heads of all sequences
  int64_t columns = 0;  // with at_once, of each in a row of an operand, where sequences stand beside each other
  Weights weights = Weights::none;

  double flops() const { return 2.0 * static_cast<double>(gemm.m * gemm.n) * static_cast<double>(gemm.k * times); }
};

// Those of one shape and layout are one entry.
std::vector<StepProduct> step_products(const model::Config& config, int64_t batch, int64_t seq);

}  // namespace anemone::bench
