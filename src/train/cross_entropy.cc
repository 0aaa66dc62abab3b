#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "train/cross_entropy.cc"
#include <hwy/foreach_target.h>  // compiles this file once for each instruction set
//
#include <hwy/contrib/math/math-inl.h>
#include <hwy/highway.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <vector>

#include "base/parallel.h"
#include "train/cross_entropy.h"
#include "train/host_ops.h"
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

// max and sum of columns [0, columns) of logits [V, ·]; at most kColumns.
void Fold(const float* logits, int64_t V, int64_t stride, int64_t columns, float* max, float* sum) {
  std::fill_n(max, columns, std::numeric_limits<float>::lowest());
  std::fill_n(sum, columns, 0.0f);
  for (int64_t v = 0; v < V; v += kRows) {
    FoldRows(logits + v * stride, stride, std::min(kRows, V - v), columns, max, sum);
  }
}

// dlogits = factor·e^(x − max), a factor a column.
void Spread(const float* logits, int64_t V, int64_t stride, int64_t columns, const float* max, const float* factor,
            float* dlogits) {
  for (int64_t v = 0; v < V; ++v) {
    for_each(columns, [&](auto d, int64_t i) HWY_ATTR {
      const auto power = ExpOrNan(d, hn::Sub(hn::LoadU(d, logits + v * stride + i), hn::LoadU(d, max + i)));
      hn::StoreU(hn::Mul(power, hn::LoadU(d, factor + i)), d, dlogits + v * stride + i);
    });
  }
}

}  // namespace anemone::train::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace anemone::train {
namespace {

HWY_EXPORT(Fold);
HWY_EXPORT(Spread);

constexpr int64_t kBlock = HWY_NAMESPACE::kColumns;  // the same in each of them
constexpr int64_t kColumnGrain = 16;                 // columns worth a thread: a cache line

struct Logits {
  const float* data;
  int64_t V;
  std::span<const int32_t> targets;
  int64_t T() const { return std::ssize(targets); }
  int64_t target(int64_t t) const { return targets[static_cast<size_t>(t)] * T() + t; }  // element
};

struct Statistics {
  float max[kBlock], sum[kBlock];
};

// −ln p of the targets of columns [begin, begin + columns).
Statistics fold_block(const Logits& x, int64_t begin, int64_t columns, double* losses) {
  Statistics of;
  HWY_DYNAMIC_DISPATCH(Fold)(x.data + begin, x.V, x.T(), columns, of.max, of.sum);
  for (int64_t i = 0; i < columns; ++i) {
    losses[begin + i] = std::log(static_cast<double>(of.sum[i])) + of.max[i] - x.data[x.target(begin + i)];
  }
  return of;
}

void spread_block(const Logits& x, int64_t begin, int64_t columns, Statistics of, float scale, float* dlogits) {
  for (int64_t i = 0; i < columns; ++i) of.sum[i] = scale / of.sum[i];
  HWY_DYNAMIC_DISPATCH(Spread)(x.data + begin, x.V, x.T(), columns, of.max, of.sum, dlogits + begin);
  for (int64_t i = 0; i < columns; ++i) dlogits[x.target(begin + i)] -= scale;
}

// Calls body(begin, columns, losses) on blocks that cover all columns, and returns the sum of the losses.
template <class Body>
double over_blocks(int64_t T, const Body& body) {
  std::vector<double> losses(static_cast<size_t>(T));
  parallel_for(T, kColumnGrain, [&](int64_t begin, int64_t end) {
    for (int64_t t = begin; t < end; t += kBlock) body(t, std::min(kBlock, end - t), losses.data());
  });
  return std::accumulate(losses.begin(), losses.end(), 0.0);
}

}  // namespace

double cross_entropy(const float* logits, int64_t V, std::span<const int32_t> targets) {
  const Logits x = {logits, V, targets};
  return over_blocks(x.T(),
                     [&](int64_t begin, int64_t columns, double* losses) { fold_block(x, begin, columns, losses); });
}

double cross_entropy_backward(const float* logits, int64_t V, std::span<const int32_t> targets, float scale,
                              float* dlogits) {
  const Logits x = {logits, V, targets};
  return over_blocks(x.T(), [&](int64_t begin, int64_t columns, double* losses) {
    spread_block(x, begin, columns, fold_block(x, begin, columns, losses), scale, dlogits);
  });
}

double negative_log_likelihood(const float* p, std::span<const int32_t> targets) {
  double total = 0;
  for (size_t t = 0; t < targets.size(); ++t) {
    total -= std::log(static_cast<double>(p[static_cast<size_t>(targets[t]) * targets.size() + t]) + 1e-10);
  }
  return total;
}

double negative_log_likelihood_backward(float* p, int64_t V, std::span<const int32_t> targets, float scale) {
  const double total = negative_log_likelihood(p, targets);
  train::scale(p, scale, V * std::ssize(targets), p);
  for (size_t t = 0; t < targets.size(); ++t) p[static_cast<size_t>(targets[t]) * targets.size() + t] -= scale;
  return total;
}

}  // namespace anemone::train
#endif
