// What training computes on the host, in fp32: norms, the gate, residuals, the embedding. Each backward stands beside
// its forward.
//
//   rmsnorm(x2, layer.ffn_norm.data(), D, T, eps, xn);                               // y = x·ρ·w
//   rmsnorm_backward(x2, layer.ffn_norm.data(), dxn, D, T, eps, Into::add, dx2, d_ffn_norm, scratch);
//
// Matrices are channel-first and packed, [C, T] with element (c, t) at c·T + t, as devices hold them. Nothing is
// checked or allocated; a scratch has room for two floats a column. Results do not depend on the number of threads.
#pragma once

#include <cstdint>
#include <span>

namespace anemone::train {

enum class Into : bool { assign, add };  // out = value, or out += value

// y = x·ρ·w with ρ[t] = (Σ_c x²/D + eps)^(−½); x, y [D, T], w [D]; y may be x. For norms a head, call it a head.
void rmsnorm(const float* x, const float* w, int64_t D, int64_t T, float eps, float* y);

// dx = ρ·(w·dy − x·c) with c[t] = ρ²·Σ_c(w·dy·x)/D; dw[c] += Σ_t dy·x·ρ. dx may be dy where it is assigned.
void rmsnorm_backward(const float* x, const float* w, const float* dy, int64_t D, int64_t T, float eps, Into into,
                      float* dx, float* dw, float* scratch);

// The second half alone, where a device computes the first: dw[c] += Σ_t dy·x·ρ.
void rmsnorm_weight_gradient(const float* x, const float* dy, int64_t D, int64_t T, float eps, float* dw,
                             float* scratch);

// g = h1·σ(h1)·h3; all of `count` elements; g may be h1 or h3.
void silu_gate(const float* h1, const float* h3, int64_t count, float* g);

// dh1 = dg·h3·σ·(1 + h1·(1 − σ)), dh3 = dg·h1·σ, with σ = σ(h1). The outputs may be any of the inputs.
void silu_gate_backward(const float* h1, const float* h3, const float* dg, int64_t count, float* dh1, float* dh3);

// y = x + alpha·o; `count` elements; y may be x or o.
void add_scaled(const float* x, float alpha, const float* o, int64_t count, float* y);

// y = alpha·x; y may be x.
void scale(const float* x, float alpha, int64_t count, float* y);

// Zeros.
void clear(std::span<float> values);

// x[:, t] = E[tokens[t], :]; E [V, D], x [D, T], T = tokens.size(); each token is in [0, V).
void embed(std::span<const int32_t> tokens, const float* E, int64_t D, float* x);

// dE[tokens[t], :] += dx[:, t].
void embed_backward(std::span<const int32_t> tokens, const float* dx, int64_t D, float* dE);

}  // namespace anemone::train
