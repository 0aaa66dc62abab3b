// AdamW and Adam over all of a model's parameters, one pass over memory an update.
//
//   Optimizer optimizer(config, {.weight_decay = 0.1f});
//   const double norm = std::sqrt(squared_norm(gradients)) * gradient_scale;   // not finite: fp16 overflowed
//   optimizer.step(weights, gradients, {.rate = 3e-4f, .gradient_scale = gradient_scale * clip_factor(norm, 1.0)});
//
// With g = gradient_scale·gradient and t the number of updates (Kingma and Ba 2015; decay as Loshchilov and Hutter
// 2019):
//   m ← β1·m + (1−β1)·g    v ← β2·v + (1−β2)·g²
//   w ← w − rate·( m/(1−β1^t) / (√(v/(1−β2^t)) + ε) + decay·w )
// Norm weights never decay. A row of the embedding or of the classifier stays as it is until its gradient has once been
// other than zero: a token that the data never shows neither decays nor costs memory for its moments.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "model/config.h"
#include "model/parameters.h"
#include "train/adamw.h"
#include "train/update_listener.h"

namespace anemone::train {

struct AdamWOptions {
  float beta1 = 0.9f;
  float beta2 = 0.95f;
  float epsilon = 1e-8f;
  float weight_decay = 0.1f;
  bool decay_embedding = true;  // the embedding, and the classifier where it is not tied
  bool operator==(const AdamWOptions&) const = default;
};

// Adam as the seed's static pipelines have it.
inline constexpr AdamWOptions kSeedAdam = {.beta2 = 0.999f, .weight_decay = 0};

struct Update {
  float rate = 0;
  float gradient_scale = 1;  // 1 / (micro-steps · loss scale), times the clipping factor
};

class Optimizer {
 public:
  Optimizer(const model::Config& config, const AdamWOptions& options);

  // `weights` and `gradients` have the layout of the configuration given at construction. The listener, if any, hears
  // of each block of weights right after its update.
  void step(model::Parameters& weights, const model::Parameters& gradients, const Update& update,
            UpdateListener* listener = nullptr);

  // The state, for checkpoints: to resume, fill the moments and the rows, then set the count.
  int64_t updates() const { return updates_; }
  void set_updates(int64_t updates) { updates_ = updates; }
  model::Parameters& m() { return m_; }
  model::Parameters& v() { return v_; }
  // One byte a vocabulary row, 1 once it had a gradient: the embedding's V, then the classifier's where it is not tied.
  std::span<uint8_t> used_rows() { return used_rows_; }

 private:
  // Rows of one tensor that a thread updates at a time.
  struct Block {
    size_t tensor;
    int64_t row, rows, length;  // of that many floats each
    int64_t offset;             // in all parameters
    bool decays;
    std::optional<size_t> used;  // where its rows stand in used_rows_, if the tensor is a vocabulary table
  };
  void cut(size_t index, const model::TensorInfo& tensor, size_t used);
  bool update_block(const Block& block, const AdamWCoefficients& coefficients, const AdamWRun& run);

  AdamWOptions options_;
  int64_t updates_ = 0;
  model::Parameters m_;
  model::Parameters v_;
  std::vector<uint8_t> used_rows_;
  std::vector<Block> blocks_;
};

// Σ g², accumulated in double; the same bits for any number of threads. Infinite or NaN where a gradient is.
double squared_norm(std::span<const float> gradients);
inline double squared_norm(const model::Parameters& gradients) { return squared_norm(gradients.all()); }

// What gradients of this norm are multiplied with so that their norm is at most `limit` (0: no clipping).
inline float clip_factor(double norm, double limit) {
  return limit > 0 && norm > limit ? static_cast<float>(limit / norm) : 1.0f;
}

}  // namespace anemone::train
