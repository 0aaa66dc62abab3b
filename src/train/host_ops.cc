#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "train/host_ops.cc"
#include <hwy/foreach_target.h>  // compiles this file once for each instruction set
//
#include <hwy/contrib/math/math-inl.h>
#include <hwy/highway.h>

#include <algorithm>
#include <cmath>
#include <vector>

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

// dots[t] = Σ_c w·dy·x, likewise.
void SumWeightedProducts(const float* x, const float* w, const float* dy, int64_t D, int64_t T, int64_t columns,
                         float* dots) {
  for (int64_t c = 0; c < D; ++c, x += T, dy += T) {
    for_each(columns, [&](auto d, int64_t t) HWY_ATTR {
      const auto weighted = hn::Mul(hn::Set(d, w[c]), hn::LoadU(d, dy + t));
      hn::StoreU(hn::MulAdd(weighted, hn::LoadU(d, x + t), hn::LoadU(d, dots + t)), d, dots + t);
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
HWY_EXPORT(SumWeightedProducts);
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

// ρ[t] = (Σ_c x²/D + eps)^(−½).
std::vector<float> reciprocal_norms(const float* x, int64_t D, int64_t T, float eps) {
  std::vector<float> rho(static_cast<size_t>(T));
  parallel_for(T, column_grain(D), [&](int64_t begin, int64_t end) {
    HWY_DYNAMIC_DISPATCH(SumSquares)(x + begin, D, T, end - begin, rho.data() + begin);
    for (auto r = rho.begin() + begin; r != rho.begin() + end; ++r)
      *r = 1 / std::sqrt(*r / static_cast<float>(D) + eps);
  });
  return rho;
}

// c[t] = ρ²·Σ_c(w·dy·x)/D.
std::vector<float> projections(const float* x, const float* w, const float* dy, int64_t D, int64_t T,
                               const std::vector<float>& rho) {
  std::vector<float> c(static_cast<size_t>(T));
  parallel_for(T, column_grain(D), [&](int64_t begin, int64_t end) {
    HWY_DYNAMIC_DISPATCH(SumWeightedProducts)(x + begin, w, dy + begin, D, T, end - begin, c.data() + begin);
    for (auto t = static_cast<size_t>(begin); t < static_cast<size_t>(end); ++t) {
      c[t] *= rho[t] * rho[t] / static_cast<float>(D);
    }
  });
  return c;
}

}  // namespace

void rmsnorm(const float* x, const float* w, int64_t D, int64_t T, float eps, float* y) {
  const std::vector<float> rho = reciprocal_norms(x, D, T, eps);
  parallel_for(D, row_grain(T), [&](int64_t begin, int64_t end) {
    for (int64_t c = begin; c < end; ++c) HWY_DYNAMIC_DISPATCH(NormRow)(x + c * T, rho.data(), w[c], T, y + c * T);
  });
}

void rmsnorm_backward(const float* x, const float* w, const float* dy, int64_t D, int64_t T, float eps, Into into,
                      float* dx, float* dw) {
  const std::vector<float> rho = reciprocal_norms(x, D, T, eps);
  const std::vector<float> c = projections(x, w, dy, D, T, rho);
  parallel_for(D, row_grain(T), [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) {
      dw[i] +=
          HWY_DYNAMIC_DISPATCH(NormBackwardRow)(x + i * T, dy + i * T, rho.data(), c.data(), w[i], T, into, dx + i * T);
    }
  });
}

void rmsnorm_weight_gradient(const float* x, const float* dy, int64_t D, int64_t T, float eps, float* dw) {
  const std::vector<float> rho = reciprocal_norms(x, D, T, eps);
  parallel_for(D, row_grain(T), [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) {
      dw[i] += HWY_DYNAMIC_DISPATCH(NormWeightRow)(x + i * T, dy + i * T, rho.data(), T);
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

// One thread a range of channels: it reads whole lines of E and writes its own rows of x.
void embed(std::span<const int32_t> tokens, const float* E, int64_t D, float* x) {
  const int64_t T = std::ssize(tokens);
  parallel_for(D, std::max(kLine, row_grain(T)), [&](int64_t begin, int64_t end) {
    for (int64_t t = 0; t < T; ++t) {
      const float* row = E + tokens[static_cast<size_t>(t)] * D;
      for (int64_t c = begin; c < end; ++c) x[c * T + t] = row[c];
    }
  });
}

// The same division: a token that comes twice is added to by one thread, in order.
void embed_backward(std::span<const int32_t> tokens, const float* dx, int64_t D, float* dE) {
  const int64_t T = std::ssize(tokens);
  parallel_for(D, std::max(kLine, row_grain(T)), [&](int64_t begin, int64_t end) {
    for (int64_t t = 0; t < T; ++t) {
      float* row = dE + tokens[static_cast<size_t>(t)] * D;
      for (int64_t c = begin; c < end; ++c) row[c] += dx[c * T + t];
    }
  });
}

}  // namespace anemone::train
#endif
