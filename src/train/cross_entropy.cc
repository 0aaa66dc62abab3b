#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "train/cross_entropy.cc"
#include <hwy/foreach_target.h>  // compiles this file once for each instruction set
//
#include <hwy/contrib/math/math-inl.h>
#include <hwy/highway.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "base/check.h"
#include "train/cross_entropy.h"
#include "train/vector_loop-inl.h"

HWY_BEFORE_NAMESPACE();
namespace anemone::train::HWY_NAMESPACE {

constexpr int64_t kColumns = 128;  // of a block; its accumulators and kRows of its rows stay in the first-level cache
constexpr int64_t kRows = 32;

// e^x, where Highway's would turn NaN into 0.
template <class D, class V>
HWY_INLINE V ExpOrNan(D d, V x) {
  return hn::IfThenElse(hn::Eq(x, x), hn::Exp(d, x), x);
}

// Folds `rows` rows of a block into each column's maximum and sum of e^(x − maximum).
void FoldRows(const float* x, int64_t stride, int64_t rows, int64_t columns, float* max, float* sum) {
  float top[kColumns], part[kColumns] = {};
  std::copy_n(max, columns, top);
  for (int64_t r = 0; r < rows; ++r) {
    for_each(columns, [&](auto d, int64_t i) HWY_ATTR {
      hn::StoreU(hn::Max(hn::LoadU(d, top + i), hn::LoadU(d, x + r * stride + i)), d, top + i);
    });
  }
  for (int64_t r = 0; r < rows; ++r) {
    for_each(columns, [&](auto d, int64_t i) HWY_ATTR {
      const auto power = ExpOrNan(d, hn::Sub(hn::LoadU(d, x + r * stride + i), hn::LoadU(d, top + i)));
      hn::StoreU(hn::Add(hn::LoadU(d, part + i), power), d, part + i);
    });
  }
  for_each(columns, [&](auto d, int64_t i) HWY_ATTR {
    const auto shrink = ExpOrNan(d, hn::Sub(hn::LoadU(d, max + i), hn::LoadU(d, top + i)));
    hn::StoreU(hn::MulAdd(hn::LoadU(d, sum + i), shrink, hn::LoadU(d, part + i)), d, sum + i);
    hn::StoreU(hn::LoadU(d, top + i), d, max + i);
  });
}

// Folds rows [V, ·] into max and sum of `columns` columns; at most kColumns.
void Fold(const float* logits, int64_t V, int64_t stride, int64_t columns, float* max, float* sum) {
  for (int64_t v = 0; v < V; v += kRows) {
    FoldRows(logits + v * stride, stride, std::min(kRows, V - v), columns, max, sum);
  }
}

// dlogits = scale·e^(x − max)·inverse.
void Spread(const float* logits, int64_t V, int64_t T, const float* max, const float* inverse, float scale,
            float* dlogits) {
  for (int64_t v = 0; v < V; ++v) {
    for_each(T, [&](auto d, int64_t i) HWY_ATTR {
      const auto power = ExpOrNan(d, hn::Sub(hn::LoadU(d, logits + v * T + i), hn::LoadU(d, max + i)));
      const auto p = hn::Mul(power, hn::LoadU(d, inverse + i));
      hn::StoreU(hn::Mul(p, hn::Set(d, scale)), d, dlogits + v * T + i);
    });
  }
}

}  // namespace anemone::train::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace anemone::train {

HWY_EXPORT(Fold);
HWY_EXPORT(Spread);

namespace {

// Calls visit(element, t) where targets[t] is among rows [row, row + rows), of which the element is counted.
template <class Visit>
void each_target(std::span<const int32_t> targets, int64_t row, int64_t rows, const Visit& visit) {
  for (size_t t = 0; t < targets.size(); ++t) {
    const int64_t r = targets[t] - row;
    if (r >= 0 && r < rows) visit(r * std::ssize(targets) + static_cast<int64_t>(t), t);
  }
}

}  // namespace

CrossEntropy::CrossEntropy(int64_t T, int64_t parts)
    : tokens_(T),
      parts_(parts),
      max_(static_cast<size_t>(parts * T)),
      sum_(static_cast<size_t>(parts * T)),
      target_(static_cast<size_t>(T)) {}

void CrossEntropy::begin(std::span<const int32_t> targets) {
  CHECK(std::ssize(targets) == tokens_);
  targets_ = targets;
  std::ranges::fill(max_, std::numeric_limits<float>::lowest());
  std::ranges::fill(sum_, 0.0f);
}

void CrossEntropy::fold(int64_t part, const float* logits, int64_t row, int64_t rows) {
  constexpr int64_t kBlock = HWY_NAMESPACE::kColumns;  // the same for each instruction set
  for (int64_t t = 0; t < tokens_; t += kBlock) {
    HWY_DYNAMIC_DISPATCH(Fold)
    (logits + t, rows, tokens_, std::min(kBlock, tokens_ - t), max_of(part) + t, sum_of(part) + t);
  }
  each_target(targets_, row, rows, [&](int64_t element, size_t t) { target_[t] = logits[element]; });
}

double CrossEntropy::total() {
  double total = 0;
  for (int64_t t = 0; t < tokens_; ++t) {
    const float top = max_of_all(t);
    double sum = 0;
    for (int64_t part = 0; part < parts_; ++part) {
      sum += static_cast<double>(sum_of(part)[t]) * std::exp(static_cast<double>(max_of(part)[t]) - top);
    }
    max_[static_cast<size_t>(t)] = top;
    sum_[static_cast<size_t>(t)] = static_cast<float>(1 / sum);
    total += std::log(sum) + top - target_[static_cast<size_t>(t)];
  }
  return total;
}

float CrossEntropy::max_of_all(int64_t t) const {
  float top = max_[static_cast<size_t>(t)];
  for (int64_t part = 1; part < parts_; ++part) top = std::max(top, max_[static_cast<size_t>(part * tokens_ + t)]);
  return top;
}

void CrossEntropy::gradient(const float* logits, int64_t row, int64_t rows, float scale, float* dlogits) const {
  HWY_DYNAMIC_DISPATCH(Spread)(logits, rows, tokens_, max_.data(), sum_.data(), scale, dlogits);
  subtract_at_targets(targets_, row, rows, scale, dlogits);
}

void subtract_at_targets(std::span<const int32_t> targets, int64_t row, int64_t rows, float value, float* m) {
  each_target(targets, row, rows, [&](int64_t element, size_t) { m[element] -= value; });
}

double negative_log_likelihood(const float* p, std::span<const int32_t> targets) {
  double total = 0;
  for (size_t t = 0; t < targets.size(); ++t) {
    total -= std::log(static_cast<double>(p[static_cast<size_t>(targets[t]) * targets.size() + t]) + 1e-10);
  }
  return total;
}

}  // namespace anemone::train
#endif
