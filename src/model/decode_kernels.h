// The programs that read one token more, with the keys and values of those before it at hand; weights are baked.
//
//   Kernel attention = TRY(decode_attention(g, 256));     // g.seq == 1
//   Kernel feed_forward = TRY(ffn_forward(g));            // of kernels.h
//   Kernel head = TRY(decode_head(g));
//
// The host keeps the cache in the attention's input surface: it writes each token's k and v into that token's column
// of keys and values, and 0 into its column of the mask.
#pragma once

#include "model/kernel.h"

namespace anemone::model {

// The mask of a column that is still empty: the least finite half.
inline constexpr float kMasked = -65504;

// Columns of the cache: keys K (rotated), values K, mask 1 (0 or kMasked), `capacity` of each.
// Columns of the token: x D, cos h and sin h of its position (where the model rotates) → o D, k K (rotated), v K.
Result<Kernel> decode_attention(const Geometry& g, int64_t capacity);

// x D → logits V, final norm included.
Result<Kernel> decode_head(const Geometry& g);

}  // namespace anemone::model
