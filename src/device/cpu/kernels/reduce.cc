#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "device/cpu/kernels/reduce.cc"
#include <hwy/foreach_target.h>  // compiles this file once for each instruction set
//
#include <algorithm>
#include <cmath>
#include <limits>

#include "base/parallel.h"
#include "device/cpu/kernels/elementwise.h"
#include "device/cpu/kernels/reduce.h"
#include "device/cpu/kernels/vector_math-inl.h"
#include "device/cpu/kernels/words.h"

HWY_BEFORE_NAMESPACE();
namespace anemone::cpu::HWY_NAMESPACE {

struct Sum {
  HWY_INLINE Vector operator()(Vector a, Vector b) const { return hn::Add(a, b); }
  HWY_INLINE float operator()(float a, float b) const { return a + b; }
  static constexpr float kStart = 0;
};
struct Product {
  HWY_INLINE Vector operator()(Vector a, Vector b) const { return hn::Mul(a, b); }
  HWY_INLINE float operator()(float a, float b) const { return a * b; }
  static constexpr float kStart = 1;
};
struct Largest {
  HWY_INLINE Vector operator()(Vector a, Vector b) const { return MaxOf(a, b); }
  HWY_INLINE float operator()(float a, float b) const { return a < b || std::isnan(b) ? b : a; }
  static constexpr float kStart = -std::numeric_limits<float>::infinity();
};
struct Smallest {
  HWY_INLINE Vector operator()(Vector a, Vector b) const { return MinOf(a, b); }
  HWY_INLINE float operator()(float a, float b) const { return b < a || std::isnan(b) ? b : a; }
  static constexpr float kStart = std::numeric_limits<float>::infinity();
};

// Four vectors of partial results hide the latency of the operation.
template <class F>
HWY_INLINE float FoldRow(const float* x, size_t count, const F& f) {
  const Floats d;
  const size_t lanes = hn::Lanes(d);
  Vector p0 = hn::Set(d, F::kStart), p1 = p0, p2 = p0, p3 = p0;
  size_t i = 0;
  for (; i + 4 * lanes <= count; i += 4 * lanes) {
    p0 = f(p0, hn::LoadU(d, x + i));
    p1 = f(p1, hn::LoadU(d, x + i + lanes));
    p2 = f(p2, hn::LoadU(d, x + i + 2 * lanes));
    p3 = f(p3, hn::LoadU(d, x + i + 3 * lanes));
  }
  for (; i + lanes <= count; i += lanes) p0 = f(p0, hn::LoadU(d, x + i));
  HWY_ALIGN float partial[hn::MaxLanes(Floats())];
  hn::Store(f(f(p0, p1), f(p2, p3)), d, partial);
  float total = F::kStart;
  for (size_t l = 0; l < lanes; ++l) total = f(total, partial[l]);
  for (; i < count; ++i) total = f(total, x[i]);
  return total;
}

template <class F>
HWY_INLINE void FoldInto(float* total, const float* x, size_t count, const F& f) {
  const Floats d;
  const size_t lanes = hn::Lanes(d);
  size_t i = 0;
  for (; i + lanes <= count; i += lanes) hn::StoreU(f(hn::LoadU(d, total + i), hn::LoadU(d, x + i)), d, total + i);
  for (; i < count; ++i) total[i] = f(total[i], x[i]);
}

float ReduceRow(ReduceOp op, const float* x, size_t count) {
  if (op == ReduceOp::product) return FoldRow(x, count, Product());
  if (op == ReduceOp::maximum) return FoldRow(x, count, Largest());
  if (op == ReduceOp::minimum) return FoldRow(x, count, Smallest());
  return FoldRow(x, count, Sum());
}

void ReduceInto(ReduceOp op, float* total, const float* x, size_t count) {
  if (op == ReduceOp::product) return FoldInto(total, x, count, Product());
  if (op == ReduceOp::maximum) return FoldInto(total, x, count, Largest());
  if (op == ReduceOp::minimum) return FoldInto(total, x, count, Smallest());
  FoldInto(total, x, count, Sum());
}

// out = e^(x − shift), which may differ from column to column; total += out.
void ExpInto(const float* x, const float* shift, float* out, float* total, size_t count) {
  const Floats d;
  const size_t lanes = hn::Lanes(d);
  size_t i = 0;
  for (; i + lanes <= count; i += lanes) {
    const Vector e = ExpOf(d, hn::Sub(hn::LoadU(d, x + i), hn::LoadU(d, shift + i)));
    hn::StoreU(e, d, out + i);
    hn::StoreU(hn::Add(hn::LoadU(d, total + i), e), d, total + i);
  }
  if (i == count) return;
  const size_t rest = count - i;
  const Vector e = ExpOf(d, hn::Sub(LoadFirst(d, x + i, rest), LoadFirst(d, shift + i, rest)));
  StoreFirst(d, e, out + i, rest);
  StoreFirst(d, hn::Add(LoadFirst(d, total + i, rest), e), total + i, rest);
}

void SoftmaxRow(const float* x, float* out, size_t count) {
  const Floats d;
  const size_t lanes = hn::Lanes(d);
  const Vector shift = hn::Set(d, FoldRow(x, count, Largest()));
  Vector sums = hn::Zero(d);
  size_t i = 0;
  for (; i + lanes <= count; i += lanes) {
    const Vector e = ExpOf(d, hn::Sub(hn::LoadU(d, x + i), shift));
    hn::StoreU(e, d, out + i);
    sums = hn::Add(sums, e);
  }
  float total = hn::GetLane(hn::SumOfLanes(d, sums));
  if (const size_t first = i; first < count) {
    StoreFirst(d, ExpOf(d, hn::Sub(LoadFirst(d, x + i, count - i), shift)), out + i, count - i);
    for (size_t j = first; j < count; ++j) total += out[j];
  }
  const Vector scale = hn::Set(d, 1 / total);
  for (i = 0; i + lanes <= count; i += lanes) hn::StoreU(hn::Mul(hn::LoadU(d, out + i), scale), d, out + i);
  for (; i < count; ++i) out[i] *= 1 / total;
}

}  // namespace anemone::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace anemone::cpu {

HWY_EXPORT(ReduceRow);
HWY_EXPORT(ReduceInto);
HWY_EXPORT(ExpInto);
HWY_EXPORT(SoftmaxRow);

namespace {

constexpr int64_t kGrain = 8192;   // elements a thread should have at least
constexpr int64_t kColumns = 128;  // columns that are reduced side by side
constexpr int64_t kPartial = 64;   // terms of a partial sum

float start_of(ReduceOp op) {
  if (op == ReduceOp::product) return 1;
  if (op == ReduceOp::maximum) return -INFINITY;
  return op == ReduceOp::minimum ? INFINITY : 0;
}

float combine(ReduceOp op, float a, float b) {
  if (op == ReduceOp::product) return a * b;
  if (op == ReduceOp::maximum) return a < b || std::isnan(b) ? b : a;
  if (op == ReduceOp::minimum) return b < a || std::isnan(b) ? b : a;
  return a + b;
}

float reduce_strided(ReduceOp op, const float* x, int64_t stride, int64_t count) {
  if (stride == 1) return HWY_DYNAMIC_DISPATCH(ReduceRow)(op, x, size_t(count));
  float total = start_of(op);
  for (int64_t i = 0; i < count; ++i) total = combine(op, total, x[i * stride]);
  return total;
}

// Columns of the nest's innermost dimension, cut into pieces of kColumns.
struct Columns {
  const Loops& loops;
  int64_t pieces = (loops.inner() + kColumns - 1) / kColumns;

  int64_t count() const { return loops.rows() * pieces; }
  int64_t first(int64_t i) const { return i % pieces * kColumns; }
  int64_t size(int64_t i) const { return std::min(kColumns, loops.inner() - first(i)); }
  int64_t offset(size_t operand, int64_t i) const {
    return loops.row(operand, i / pieces) + first(i) * loops.inner_stride(operand);
  }
};

void reduce_rows(const Reduction& r, float scale, const float* x, float* out) {
  const int64_t terms = r.reduced.count(), rows = r.reduced.rows();
  parallel_for(r.kept.count(), std::max<int64_t>(1, kGrain / terms), [&](int64_t begin, int64_t end) {
    for (int64_t k = begin; k < end; ++k) {
      const float* from = x + r.kept.element(0, k);
      float total = start_of(r.op);
      for (int64_t i = 0; i < rows; ++i) {
        total = combine(r.op, total,
                        reduce_strided(r.op, from + r.reduced.row(0, i), r.reduced.inner_stride(0), r.reduced.inner()));
      }
      out[r.kept.element(1, k)] = total * scale;
    }
  });
}

void add_columns(ReduceOp op, float* total, const float* x, int64_t stride, int64_t count) {
  if (stride == 1) return HWY_DYNAMIC_DISPATCH(ReduceInto)(op, total, x, size_t(count));
  for (int64_t i = 0; i < count; ++i) total[i] = combine(op, total[i], x[i * stride]);
}

void reduce_columns(const Reduction& r, float scale, const float* x, float* out) {
  const Columns columns{r.kept};
  const int64_t terms = r.reduced.count();
  const int64_t grain = std::max<int64_t>(1, kGrain / (terms * std::min(kColumns, r.kept.inner())));
  parallel_for(columns.count(), grain, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) {
      const int64_t n = columns.size(i);
      const float* from = x + columns.offset(0, i);
      float total[kColumns], partial[kColumns];
      std::fill_n(total, n, start_of(r.op));
      for (int64_t t = 0; t < terms; t += kPartial) {
        std::fill_n(partial, n, start_of(r.op));
        for (int64_t u = t; u < std::min(terms, t + kPartial); ++u) {
          add_columns(r.op, partial, from + r.reduced.element(0, u), r.kept.inner_stride(0), n);
        }
        add_columns(r.op, total, partial, 1, n);
      }
      float* to = out + columns.offset(1, i);
      for (int64_t j = 0; j < n; ++j) to[j * r.kept.inner_stride(1)] = total[j] * scale;
    }
  });
}

// All of an axis, for up to kColumns places side by side.
void softmax_columns(const Softmax& s, int64_t columns, const float* x, float* out) {
  const auto n = static_cast<size_t>(columns);
  float largest[kColumns], partial[kColumns], total[kColumns];
  std::fill_n(largest, n, -INFINITY);
  std::fill_n(total, n, 0.0f);
  for (int64_t i = 0; i < s.length; ++i) add_columns(ReduceOp::maximum, largest, x + i * s.x_stride, 1, columns);
  for (int64_t i = 0; i < s.length; i += kPartial) {
    std::fill_n(partial, n, 0.0f);
    for (int64_t j = i; j < std::min(s.length, i + kPartial); ++j) {
      HWY_DYNAMIC_DISPATCH(ExpInto)(x + j * s.x_stride, largest, out + j * s.out_stride, partial, n);
    }
    add_columns(ReduceOp::sum, total, partial, 1, columns);
  }
  apply(ElementOp::inverse, {.a = total}, total, n);
  for (int64_t i = 0; i < s.length; ++i) {
    float* to = out + i * s.out_stride;
    apply(ElementOp::mul, {.a = to, .b = total}, to, n);
  }
}

}  // namespace

void reduce(const Reduction& r, const float* x, float* out) {
  const float scale = r.op == ReduceOp::mean ? 1 / static_cast<float>(r.reduced.count()) : 1;
  return r.along_rows ? reduce_rows(r, scale, x, out) : reduce_columns(r, scale, x, out);
}

void softmax(const Softmax& s, const float* x, float* out) {
  if (s.along_rows) {
    const int64_t grain = std::max<int64_t>(1, kGrain / s.length);
    parallel_for(s.others.count(), grain, [&](int64_t begin, int64_t end) {
      for (int64_t i = begin; i < end; ++i) {
        HWY_DYNAMIC_DISPATCH(SoftmaxRow)(x + s.others.element(0, i), out + s.others.element(1, i), size_t(s.length));
      }
    });
    return;
  }
  const Columns columns{s.others};
  parallel_for(columns.count(), 1, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) {
      softmax_columns(s, columns.size(i), x + columns.offset(0, i), out + columns.offset(1, i));
    }
  });
}

void choose(const Choice& c, const float* x, float* out) {
  const auto beats = [&](float a, float b) { return !std::isnan(b) && (std::isnan(a) || (c.largest ? a > b : a < b)); };
  parallel_for(c.others.count(), std::max<int64_t>(1, kGrain / c.length), [&](int64_t begin, int64_t end) {
    for (int64_t place = begin; place < end; ++place) {
      const float* from = x + c.others.element(0, place);
      int64_t best = 0;
      for (int64_t i = 1; i < c.length; ++i) {
        if (beats(from[i * c.stride], from[best * c.stride])) best = i;
      }
      out[c.others.element(1, place)] = word(static_cast<int32_t>(best));
    }
  });
}

void cumulate(const Cumulation& c, const float* x, float* out) {
  parallel_for(c.others.count(), std::max<int64_t>(1, kGrain / c.length), [&](int64_t begin, int64_t end) {
    for (int64_t place = begin; place < end; ++place) {
      const float* from = x + c.others.element(0, place);
      float* to = out + c.others.element(1, place);
      double total = 0;
      for (int64_t i = 0; i < c.length; ++i) {
        const double before = total;
        total += from[i * c.x_stride];
        to[i * c.out_stride] = static_cast<float>(c.exclusive ? before : total);
      }
    }
  });
}

}  // namespace anemone::cpu
#endif
