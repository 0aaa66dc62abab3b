// The transformer's mathematics as MIL formulas, each backward beside its forward.
//
// Shapes: activations [1, C, 1, T]; heads [N, H, S, h] with N = batch. dx is the gradient of the loss by x.
#pragma once

#include <utility>

#include "mil/builder.h"
#include "model/geometry.h"

namespace anemone::model {

using mil::Value;

// ---- RMSNorm over `axis` of length D: y = x·ρ·w with ρ = (Σx²/D + ε)^(−½).
Value rmsnorm(Value x, Value w, double eps, size_t axis);
// dx = (w∘dy − x·c)·ρ with c = ρ²·Σ(w∘dy∘x)/D.
Value rmsnorm_backward(Value x, Value w, Value dy, double eps, size_t axis);

// RMSNorm of each head by itself: x [1, heads·h, 1, T], w [1, 1, h, 1].
Value head_norm(Value x, Value w, const Geometry& g);
Value head_norm_backward(Value x, Value w, Value dy, const Geometry& g);

// ---- SwiGLU: g = h1·σ(h1)·h3.
Value swiglu(Value h1, Value h3);
// dh1 = dg·h3·σ·(1 + h1·(1 − σ)), dh3 = dg·h1·σ with σ = σ(h1).
std::pair<Value, Value> swiglu_backward(Value h1, Value h3, Value dg);

// ---- Heads: x [1, H·h, 1, N·S] → [N, H, S, h], and back.
Value heads(Value x, const Geometry& g);
Value flat(Value x, const Geometry& g);

// Rotary positions on [N, H, S, h]: y = x·cos + rotate(x)·sin, where rotate maps a pair (a, b) to (−b, a); cos and sin
// are [1, 1, S, h] and equal within a pair.
Value rope(Value x, Value cos, Value sin, Rope style);
// rotate is antisymmetric: dx = dy·cos − rotate(dy)·sin.
Value rope_backward(Value dy, Value cos, Value sin, Rope style);

// ---- Grouped-query attention: query head j reads KV head j / group.
Value repeat_heads(Value x, int64_t group);  // [N, G, S, h] → [N, G·group, S, h]
Value sum_groups(Value dx, int64_t group);   // its backward

// P = softmax(Q·Kᵀ/√h + mask) with q, k [N, H, S, h], mask [1, 1, S, S] → [N, H, S, S].
Value attention_weights(Value q, Value k, Value mask);
// dS = P∘(dP − rowsum(P∘dP)).
Value softmax_backward(Value p, Value dp);

// Scores [N, H, S, S] as channels [1, H·S, 1, N·S] (channel h·S + query, column n·S + key), and back.
Value scores_to_channels(Value p, const Geometry& g);
Value channels_to_scores(Value channels, const Geometry& g);

}  // namespace anemone::model
