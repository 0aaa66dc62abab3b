#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "train/host_ops.cc"
#include <hwy/foreach_target.h>  // compiles this file once for each instruction set
//
#include <hwy/contrib/math/math-inl.h>
#include <hwy/highway.h>

#include <algorithm>
#include <cmath>

#include "base/parallel.h"
#include "train/host_ops.h"
#include "train/vector_loop-inl.h"

HWY_BEFORE_NAMESPACE();
namespace anemone::train::HWY_NAMESPACE {

// squares[t] = Σ_c x² over `columns` columns of rows T apart.
void SumSquares(const float* x, int64_t D, int64_t T, int64_t columns, float* squares) {
  for (int64_t c = 0; c < D; ++c, x += T) {
    for_each(columns, [&](auto d, int64_t t) HWY_ATTR {
      const auto value = hn::LoadU(d, x + t);
      hn::StoreU(hn::MulAdd(value, value, hn::LoadU(d, squares + t)), d, squares + t);
    });
  }
}

// The same and dots[t] = Σ_c w·dy·x.
void SumProducts(const float* x, const float* w, const float* dy, int64_t D, int64_t T, int64_t columns, float* squares,
                 float* dots) {
  for (int64_t c = 0; c < D; ++c, x += T, dy += T) {
    for_each(columns, [&](auto d, int64_t t) HWY_ATTR {
      const auto value = hn::LoadU(d, x + t);
      const auto weighted = hn::Mul(hn::Set(d, w[c]), hn::LoadU(d, dy + t));
      hn::StoreU(hn::MulAdd(value, value, hn::LoadU(d, squares + t)), d, squares + t);
      hn::StoreU(hn::MulAdd(weighted, value, hn::LoadU(d, dots + t)), d, dots + t);
    });
  }
}

// y = x·ρ·w, one row.
void NormRow(const float* x, const float* rho, float w, int64_t T, float* y) {
  for_each(T, [&](auto d, int64_t t) HWY_ATTR {
    hn::StoreU(hn::Mul(hn::Mul(hn::LoadU(d, x + t), hn::LoadU(d, rho + t)), hn::Set(d, w)), d, y + t);
  });
}

// dx = (or +=) ρ·(w·dy − x·c), one row; returns Σ_t dy·x·ρ.
float NormBackwardRow(const float* x, const float* dy, const float* rho, const float* c, float w, int64_t T, Into into,
                      float* dx) {
  const hn::ScalableTag<float> whole;
  auto sums = hn::Zero(whole);
  float rest = 0;
  for_each(T, [&](auto d, int64_t t) HWY_ATTR {
    const auto value = hn::LoadU(d, x + t);
    const auto slope = hn::LoadU(d, dy + t);
    const auto r = hn::LoadU(d, rho + t);
    const auto inner = hn::NegMulAdd(value, hn::LoadU(d, c + t), hn::Mul(hn::Set(d, w), slope));
    const auto before = into == Into::add ? hn::LoadU(d, dx + t) : hn::Zero(d);
    hn::StoreU(hn::MulAdd(r, inner, before), d, dx + t);
    const auto dw = hn::Mul(hn::Mul(slope, value), r);
    if constexpr (std::is_same_v<decltype(d), decltype(hn::ScalableTag<float>())>) {
      sums = hn::Add(sums, dw);
    } else {
      rest += hn::GetLane(dw);
    }
  });
  return hn::GetLane(hn::SumOfLanes(whole, sums)) + rest;
}

// Σ_t dy·x·ρ, one row.
float NormWeightRow(const float* x, const float* dy, const float* rho, int64_t T) {
  const hn::ScalableTag<float> whole;
  auto sums = hn::Zero(whole);
  float rest = 0;
  for_each(T, [&](auto d, int64_t t) HWY_ATTR {
    const auto dw = hn::Mul(hn::Mul(hn::LoadU(d, dy + t), hn::LoadU(d, x + t)), hn::LoadU(d, rho + t));
    if constexpr (std::is_same_v<decltype(d), decltype(hn::ScalableTag<float>())>) {
      sums = hn::Add(sums, dw);
    } else {
      rest += hn::GetLane(dw);
    }
  });
  return hn::GetLane(hn::SumOfLanes(whole, sums)) + rest;
}

// 1 / (1 + e^−x); at −88 and below e^88 stands in, within fp32's smallest normal of the truth.
template <class D, class V>
HWY_INLINE V Sigmoid(D d, V x) {
  const auto one = hn::Set(d, 1.0f);
  return hn::Div(one, hn::Add(one, hn::Exp(d, hn::Min(hn::Neg(x), hn::Set(d, 88.0f)))));
}

void SiluGate(const float* h1, const float* h3, int64_t count, float* g) {
  for_each(count, [&](auto d, int64_t i) HWY_ATTR {
    const auto x = hn::LoadU(d, h1 + i);
    hn::StoreU(hn::Mul(hn::Mul(x, Sigmoid(d, x)), hn::LoadU(d, h3 + i)), d, g + i);
  });
}

void SiluGateBackward(const float* h1, const float* h3, const float* dg, int64_t count, float* dh1, float* dh3) {
  for_each(count, [&](auto d, int64_t i) HWY_ATTR {
    const auto one = hn::Set(d, 1.0f);
    const auto x = hn::LoadU(d, h1 + i);
    const auto gate = hn::LoadU(d, h3 + i);
    const auto s = Sigmoid(d, x);
    const auto scaled = hn::Mul(hn::LoadU(d, dg + i), s);
    const auto slope = hn::MulAdd(x, hn::Sub(one, s), one);
    hn::StoreU(hn::Mul(hn::Mul(scaled, gate), slope), d, dh1 + i);
    hn::StoreU(hn::Mul(scaled, x), d, dh3 + i);
  });
}

void AddScaled(const float* x, float alpha, const float* o, int64_t count, float* y) {
  for_each(count, [&](auto d, int64_t i) HWY_ATTR {
    hn::StoreU(hn::MulAdd(hn::Set(d, alpha), hn::LoadU(d, o + i), hn::LoadU(d, x + i)), d, y + i);
  });
}

void Scale(const float* x, float alpha, int64_t count, float* y) {
  for_each(count,
           [&](auto d, int64_t i) HWY_ATTR { hn::StoreU(hn::Mul(hn::Set(d, alpha), hn::LoadU(d, x + i)), d, y + i); });
}

}  // namespace anemone::train::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace anemone::train {
namespace {

HWY_EXPORT(SumSquares);
HWY_EXPORT(SumProducts);
HWY_EXPORT(NormRow);
HWY_EXPORT(NormBackwardRow);
HWY_EXPORT(NormWeightRow);
HWY_EXPORT(SiluGate);
HWY_EXPORT(SiluGateBackward);
HWY_EXPORT(AddScaled);
HWY_EXPORT(Scale);

constexpr int64_t kGrain = 1 << 14;  // elements worth a thread
constexpr int64_t kLine = 16;        // floats in a cache line

int64_t row_grain(int64_t T) { return std::max<int64_t>(1, kGrain / std::max<int64_t>(1, T)); }
int64_t column_grain(int64_t D) { return std::max(kLine, row_grain(D)); }

// ρ = (Σ_c x²/D + eps)^(−½), from the sum.
float reciprocal_norm(float squares, int64_t D, float eps) {
  return 1 / std::sqrt(squares / static_cast<float>(D) + eps);
}

// ρ[t] for columns [begin, end).
void reciprocal_norms(const float* x, int64_t D, int64_t T, float eps, int64_t begin, int64_t end, float* rho) {
  std::fill(rho, rho + (end - begin), 0.0f);
  HWY_DYNAMIC_DISPATCH(SumSquares)(x + begin, D, T, end - begin, rho);
  for (int64_t i = 0; i < end - begin; ++i) rho[i] = reciprocal_norm(rho[i], D, eps);
}

}  // namespace

// A block of columns after another, each read a second time while the second-level cache holds it.
void rmsnorm(const float* x, const float* w, int64_t D, int64_t T, float eps, float* y) {
  constexpr int64_t kColumns = 128;
  parallel_for(T, column_grain(D), [&](int64_t begin, int64_t end) {
    float rho[kColumns];
    for (int64_t t = begin; t < end; t += kColumns) {
      const int64_t columns = std::min(kColumns, end - t);
      reciprocal_norms(x, D, T, eps, t, t + columns, rho);
      for (int64_t c = 0; c < D; ++c) HWY_DYNAMIC_DISPATCH(NormRow)(x + c * T + t, rho, w[c], columns, y + c * T + t);
    }
  });
}

void rmsnorm_backward(const float* x, const float* w, const float* dy, int64_t D, int64_t T, float eps, Into into,
                      float* dx, float* dw, float* scratch) {
  float *rho = scratch, *c = scratch + T;
  parallel_for(T, column_grain(D), [&](int64_t begin, int64_t end) {
    std::fill(rho + begin, rho + end, 0.0f);
    std::fill(c + begin, c + end, 0.0f);
    HWY_DYNAMIC_DISPATCH(SumProducts)(x + begin, w, dy + begin, D, T, end - begin, rho + begin, c + begin);
    for (int64_t t = begin; t < end; ++t) {
      rho[t] = reciprocal_norm(rho[t], D, eps);
      c[t] *= rho[t] * rho[t] / static_cast<float>(D);
    }
  });
  parallel_for(D, row_grain(T), [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) {
      dw[i] += HWY_DYNAMIC_DISPATCH(NormBackwardRow)(x + i * T, dy + i * T, rho, c, w[i], T, into, dx + i * T);
    }
  });
}

void rmsnorm_weight_gradient(const float* x, const float* dy, int64_t D, int64_t T, float eps, float* dw,
                             float* scratch) {
  parallel_for(T, column_grain(D),
               [&](int64_t begin, int64_t end) { reciprocal_norms(x, D, T, eps, begin, end, scratch + begin); });
  parallel_for(D, row_grain(T), [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) {
      dw[i] += HWY_DYNAMIC_DISPATCH(NormWeightRow)(x + i * T, dy + i * T, scratch, T);
    }
  });
}

void silu_gate(const float* h1, const float* h3, int64_t count, float* g) {
  parallel_for(count, kGrain, [&](int64_t begin, int64_t end) {
    HWY_DYNAMIC_DISPATCH(SiluGate)(h1 + begin, h3 + begin, end - begin, g + begin);
  });
}

void silu_gate_backward(const float* h1, const float* h3, const float* dg, int64_t count, float* dh1, float* dh3) {
  parallel_for(count, kGrain, [&](int64_t begin, int64_t end) {
    HWY_DYNAMIC_DISPATCH(SiluGateBackward)
    (h1 + begin, h3 + begin, dg + begin, end - begin, dh1 + begin, dh3 + begin);
  });
}

void add_scaled(const float* x, float alpha, const float* o, int64_t count, float* y) {
  parallel_for(count, kGrain, [&](int64_t begin, int64_t end) {
    HWY_DYNAMIC_DISPATCH(AddScaled)(x + begin, alpha, o + begin, end - begin, y + begin);
  });
}

void scale(const float* x, float alpha, int64_t count, float* y) {
  parallel_for(count, kGrain, [&](int64_t begin, int64_t end) {
    HWY_DYNAMIC_DISPATCH(Scale)(x + begin, alpha, end - begin, y + begin);
  });
}

void clear(std::span<float> values) {
  parallel_for(std::ssize(values), kGrain,
               [&](int64_t begin, int64_t end) { std::fill(values.begin() + begin, values.begin() + end, 0.0f); });
}

namespace {

// Calls body(c, t, count, rows) for channels c and lines of x or dx [D, T] at (c, t); rows point to the table's rows of
// those tokens. One thread takes a range of channels: a token that comes twice is met by one thread, in order.
template <class T, class Body>
void each_line(std::span<const int32_t> tokens, T* table, int64_t D, const Body& body) {
  const int64_t total = std::ssize(tokens);
  parallel_for(D, std::max(kLine, row_grain(total)), [&](int64_t begin, int64_t end) {
    T* rows[kLine];
    for (int64_t t = 0; t < total; t += kLine) {
      const int64_t count = std::min(kLine, total - t);
      for (int64_t i = 0; i < count; ++i) rows[i] = table + tokens[static_cast<size_t>(t + i)] * D;
      for (int64_t c = begin; c < end; ++c) body(c, t, count, rows);
    }
  });
}

}  // namespace

void embed(std::span<const int32_t> tokens, const float* E, int64_t D, float* x) {
  const int64_t T = std::ssize(tokens);
  each_line(tokens, E, D, [&](int64_t c, int64_t t, int64_t count, const float* const* rows) {
    for (int64_t i = 0; i < count; ++i) x[c * T + t + i] = rows[i][c];
  });
}

void embed_backward(std::span<const int32_t> tokens, const float* dx, int64_t D, float* dE) {
  const int64_t T = std::ssize(tokens);
  each_line(tokens, dE, D, [&](int64_t c, int64_t t, int64_t count, float* const* rows) {
    for (int64_t i = 0; i < count; ++i) rows[i][c] += dx[c * T + t + i];
  });
}

}  // namespace anemone::train
#endif
