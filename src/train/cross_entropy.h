// The training loss over channel-first logits [V, T], element (v, t) at v·T + t, which come a block of rows at a time.
//
//   CrossEntropy loss(T, parts);
//   loss.begin(targets);
//   loss.fold(part, block, row, rows);                      // each block of logits once, in some thread's part
//   const double total = loss.total();                      // Σ_t −ln p
//   loss.gradient(block, row, rows, loss_scale / T, dlogits);   // each block once more
//
// p is the softmax over v, of logits of any range; a NaN or an infinity among them comes out as a loss or a gradient
// that is not finite. Blocks of distinct parts may be folded at once, and those of one part in the same order for the
// same bits.
#pragma once

#include <cstdint>
#include <span>

#include "base/buffer.h"

namespace anemone::train {

class CrossEntropy {
 public:
  CrossEntropy(int64_t T, int64_t parts);

  // Forgets the logits seen. `targets`: T rows, which stay where they are until the last gradient().
  void begin(std::span<const int32_t> targets);
  // logits [rows, T] are rows [row, row + rows).
  void fold(int64_t part, const float* logits, int64_t row, int64_t rows);
  // Σ_t −ln p[targets[t], t]; all rows must be in.
  double total();
  // dlogits = (p − onehot(target))·scale for these rows; may be the logits.
  void gradient(const float* logits, int64_t row, int64_t rows, float scale, float* dlogits) const;

 private:
  float max_of_all(int64_t t) const;
  float* max_of(int64_t part) { return max_.data() + part * tokens_; }
  float* sum_of(int64_t part) { return sum_.data() + part * tokens_; }

  int64_t tokens_, parts_;
  std::span<const int32_t> targets_;
  Buffer<float> max_, sum_;  // [parts, T]; after total() the first row is the maximum of all, and 1/Σ
  Buffer<float> target_;     // [T]: the targets' logits
};

// m[target − row, t] −= value for the targets in rows [row, row + rows) of a matrix of which m [rows, T] are those.
void subtract_at_targets(std::span<const int32_t> targets, int64_t row, int64_t rows, float value, float* m);

// The loss from probabilities p [V, T] that a device computed: Σ_t −ln(p[targets[t], t] + 1e-10), since a half may be
// 0.
double negative_log_likelihood(const float* p, std::span<const int32_t> targets);

}  // namespace anemone::train
