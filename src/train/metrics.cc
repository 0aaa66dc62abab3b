#include "train/metrics.h"

namespace anemone::train {

StepFlops step_flops(const model::Config& c, int64_t batch, int64_t seq) {
  const int64_t tokens = batch * seq;
  const int64_t attention_maps = 2 * c.dim * c.q_dim() + 2 * c.dim * c.kv_dim();  // Wq, Wo; Wk, Wv
  const int64_t ffn_maps = 3 * c.dim * c.hidden;
  const int64_t linear = 2 * tokens * c.layers * (attention_maps + ffn_maps);
  return {.forward = linear,
          .backward_dx = linear,
          .backward_dw = linear,
          .attention = 2 * 5 * tokens * c.layers * c.heads * seq * c.head_dim,
          .classifier = 2 * tokens * c.vocab * c.dim};
}

}  // namespace anemone::train
