// The programs of a transformer layer and of the model's head.
//
// Names of slots: x layer input, xn its norm; q, k, v after rotation (q_raw, k_raw before q/k norm and rotation, where
// the model has such norms); a attention's result, o its projection; x2 after attention's residual, x2n its norm; h1,
// h3, g, f of the feed-forward network; p the attention weights. d... are gradients.
#pragma once

#include "model/kernel.h"

namespace anemone::model {

// ---- Baked: six programs a layer.

// x D → o D, q Q, k K, v K, a Q, xn D (, q_raw Q, k_raw K)
Result<Kernel> attention_forward(const Geometry& g);
// x2 D → f D, h1 H, h3 H, g H, x2n D
Result<Kernel> ffn_forward(const Geometry& g);
// df D, h1 H, h3 H → dx D, dh1 H, dh3 H
Result<Kernel> ffn_backward(const Geometry& g);
// dq Q, dk K, dv K → dx D
Result<Kernel> qkv_backward(const Geometry& g);

// ---- Both sources; sdpa_backward2 has no weights.

// baked: q Q, k K, v K, dx2 D; dynamic: q, k, v, da Q → dv K, p heads·S, dp heads·S
Result<Kernel> sdpa_backward1(const Geometry& g, WeightSource source);
// p, dp heads·S, q Q, k K → dq Q, dk K: by q_raw and k_raw, or by the normed ones where the model has q/k norms
Result<Kernel> sdpa_backward2(const Geometry& g, WeightSource source);
// Both at once, where a device takes them so: the inputs of sdpa_backward1 → dq Q, dk K, dv K
Result<Kernel> sdpa_backward(const Geometry& g, WeightSource source);

// ---- Dynamic: ten programs in all.

Result<Kernel> sdpa_forward(const Geometry& g);      // xn D → a Q, q Q, k K, v K, xn D (, q_raw Q, k_raw K)
Result<Kernel> wo_forward(const Geometry& g);        // a Q → o D
Result<Kernel> ffn_fused(const Geometry& g);         // x2n D, x2 D → x_next D = x2 + α·f, h1 H, h3 H, g H
Result<Kernel> ffn_backward_w2(const Geometry& g);   // df D → dg H
Result<Kernel> ffn_backward_w13(const Geometry& g);  // dh1 H, dh3 H → dx D
Result<Kernel> wo_backward(const Geometry& g);       // dx2 D → da Q
Result<Kernel> q_backward(const Geometry& g);        // dq Q → dx D
Result<Kernel> kv_backward(const Geometry& g);       // dk K, dv K → dx D

// ---- Full offload: the rest on the device too, for both sources.

// `norm` is attention_norm, ffn_norm or final_norm.
Result<Kernel> norm_forward(const Geometry& g, WeightSource source, Weight norm);   // x D → y D
Result<Kernel> norm_backward(const Geometry& g, WeightSource source, Weight norm);  // dy D, x D → dx D
// `norm` is q_norm or k_norm; C = Q or K: dy C, x C → dx C
Result<Kernel> head_norm_backward(const Geometry& g, WeightSource source, Weight norm);
Result<Kernel> classifier(const Geometry& g, WeightSource source);  // x D → logits V
Result<Kernel> vocabulary_softmax(const Geometry& g);               // logits V → p V

}  // namespace anemone::model
