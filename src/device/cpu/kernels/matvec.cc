#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "device/cpu/kernels/matvec.cc"
#include <hwy/foreach_target.h>  // compiles this file once for each instruction set
//
#include <hwy/highway.h>

#include <algorithm>

#include "base/half.h"
#include "base/parallel.h"
#include "device/cpu/kernels/matvec.h"

HWY_BEFORE_NAMESPACE();
namespace anemone::cpu::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

using Vector = hn::CappedTag<float, 8>;  // wider conversions of halves kept memory waiting (Zen 4: by a tenth)
using Element = hn::CappedTag<float, 1>;

// Elements of W as floats.
template <class D>
HWY_INLINE hn::Vec<D> Floats(D d, const float* from) {
  return hn::LoadU(d, from);
}
template <class D>
HWY_INLINE hn::Vec<D> Floats(D d, const Half* from) {
  const hn::Rebind<hwy::float16_t, D> narrow;
  return hn::PromoteTo(d, hn::LoadU(narrow, reinterpret_cast<const hwy::float16_t*>(from)));
}
template <class D>
HWY_INLINE hn::Vec<D> Floats(D d, const BFloat16* from) {
  const hn::Rebind<uint16_t, D> narrow;
  const hn::RebindToUnsigned<D> words;
  const auto bits = hn::PromoteTo(words, hn::LoadU(narrow, reinterpret_cast<const uint16_t*>(from)));
  return hn::BitCast(d, hn::ShiftLeft<16>(bits));
}

// w·x. Memory is read in order, from one row to the next, for which processors fetch it in advance; rows side by side
// took 2.5 times as long (Zen 4, rows of 768 halves).
template <class T>
HWY_INLINE float Dot(const T* w, const float* x, int64_t count) {
  const Vector f;
  const Element e;
  const auto lanes = static_cast<int64_t>(hn::Lanes(f));
  auto a = hn::Zero(f), b = a, c = a, d = a;  // four chains, to hide the latency of the additions
  int64_t k = 0;
  for (; k + 4 * lanes <= count; k += 4 * lanes) {
    a = hn::MulAdd(Floats(f, w + k), hn::LoadU(f, x + k), a);
    b = hn::MulAdd(Floats(f, w + k + lanes), hn::LoadU(f, x + k + lanes), b);
    c = hn::MulAdd(Floats(f, w + k + 2 * lanes), hn::LoadU(f, x + k + 2 * lanes), c);
    d = hn::MulAdd(Floats(f, w + k + 3 * lanes), hn::LoadU(f, x + k + 3 * lanes), d);
  }
  for (; k + lanes <= count; k += lanes) a = hn::MulAdd(Floats(f, w + k), hn::LoadU(f, x + k), a);
  auto rest = hn::Zero(e);
  for (; k < count; ++k) rest = hn::MulAdd(Floats(e, w + k), hn::LoadU(e, x + k), rest);
  return hn::GetLane(hn::SumOfLanes(f, hn::Add(hn::Add(a, b), hn::Add(c, d)))) + hn::GetLane(rest);
}

template <class T>
HWY_INLINE void MultiplyRow(const Matvec& p, const T* w, const float* x, float* y, int64_t row) {
  for (int64_t c = 0; c < p.columns; ++c) {
    y[row * p.y_row + c * p.y_column] = Dot(w + row * p.stride, x + c * p.x_column, p.inner);
  }
}

// Rows [begin, end) of Y where the rows of W are stored: a row of the first half and one of the second by turns, since
// two streams far apart keep memory busier than one (Zen 4, rows of 768 halves, two threads: 58 GB/s against 45).
template <class T>
void MultiplyRows(const Matvec& p, const T* w, const float* x, float* y, int64_t begin, int64_t end) {
  const int64_t middle = begin + (end - begin) / 2;
  for (int64_t first = begin, second = middle; second < end; ++second) {
    if (first < middle) MultiplyRow(p, w, x, y, first++);
    MultiplyRow(p, w, x, y, second);
  }
}

// Four rows of Wᵀ; of fewer, the last stands in for those that are missing.
template <class T>
struct Rows {
  Rows(const T* w, int64_t stride, int64_t count)
      : a(w),
        b(w + std::min<int64_t>(1, count - 1) * stride),
        c(w + std::min<int64_t>(2, count - 1) * stride),
        d(w + std::min<int64_t>(3, count - 1) * stride) {}
  const T *a, *b, *c, *d;
};

// y[i] += Σ x_r·w_r[i] over four rows
template <class D, class T>
HWY_INLINE void AddRows(D f, const Rows<T>& w, const float (&x)[4], int64_t i, float* y) {
  auto sum = hn::LoadU(f, y + i);
  sum = hn::MulAdd(Floats(f, w.a + i), hn::Set(f, x[0]), sum);
  sum = hn::MulAdd(Floats(f, w.b + i), hn::Set(f, x[1]), sum);
  sum = hn::MulAdd(Floats(f, w.c + i), hn::Set(f, x[2]), sum);
  sum = hn::MulAdd(Floats(f, w.d + i), hn::Set(f, x[3]), sum);
  hn::StoreU(sum, f, y + i);
}

// Rows [begin, end) of Y where the rows of Wᵀ are stored.
template <class T>
void MultiplyColumns(const Matvec& p, const T* w, const float* x, float* y, int64_t begin, int64_t end) {
  const Vector f;
  const Element e;
  const auto lanes = static_cast<int64_t>(hn::Lanes(f));
  for (int64_t c = 0; c < p.columns; ++c) std::fill(y + c * p.y_column + begin, y + c * p.y_column + end, 0.0f);
  for (int64_t k = 0; k < p.inner; k += 4) {
    const int64_t count = std::min<int64_t>(4, p.inner - k);
    const Rows<T> rows(w + k * p.stride, p.stride, count);
    for (int64_t c = 0; c < p.columns; ++c) {
      float factors[4] = {};
      std::copy_n(x + c * p.x_column + k, count, factors);
      int64_t i = begin;
      for (; i + lanes <= end; i += lanes) AddRows(f, rows, factors, i, y + c * p.y_column);
      for (; i < end; ++i) AddRows(e, rows, factors, i, y + c * p.y_column);
    }
  }
}

template <class T>
void Multiply(const Matvec& p, const T* w, const float* x, float* y, int64_t begin, int64_t end) {
  p.transposed ? MultiplyColumns(p, w, x, y, begin, end) : MultiplyRows(p, w, x, y, begin, end);
}

void MultiplyFloats(const Matvec& p, const void* w, int64_t at, const float* x, float* y, int64_t begin, int64_t end) {
  Multiply(p, static_cast<const float*>(w) + at, x, y, begin, end);
}
void MultiplyHalves(const Matvec& p, const void* w, int64_t at, const float* x, float* y, int64_t begin, int64_t end) {
  Multiply(p, static_cast<const Half*>(w) + at, x, y, begin, end);
}
void MultiplyBFloat16s(const Matvec& p, const void* w, int64_t at, const float* x, float* y, int64_t begin,
                       int64_t end) {
  Multiply(p, static_cast<const BFloat16*>(w) + at, x, y, begin, end);
}

}  // namespace anemone::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace anemone::cpu {

HWY_EXPORT(MultiplyFloats);
HWY_EXPORT(MultiplyHalves);
HWY_EXPORT(MultiplyBFloat16s);

namespace {

constexpr int64_t kGrain = 16384;  // elements of W worth a thread
constexpr int64_t kLine = 16;      // rows: threads share no cache line of Y

// A fresh one whenever it is asked for, since the target may have been capped meanwhile.
auto kernel(mil::DType dtype) {
  switch (dtype) {
    case mil::DType::fp16:
      return HWY_DYNAMIC_DISPATCH(MultiplyHalves);
    case mil::DType::bf16:
      return HWY_DYNAMIC_DISPATCH(MultiplyBFloat16s);
    default:
      return HWY_DYNAMIC_DISPATCH(MultiplyFloats);
  }
}

}  // namespace

// The rows of all batches together are cut into one piece a thread.
void multiply(const Matvec& p, const void* w, const float* x, float* y) {
  const auto run = kernel(p.dtype);
  const int64_t lines = (p.rows + kLine - 1) / kLine;
  const int64_t grain = std::max<int64_t>(1, kGrain / (kLine * std::max<int64_t>(p.inner, 1)));
  parallel_for(p.batch.count() * lines, grain, [&](int64_t begin, int64_t end) {
    for (int64_t at = begin; at < end;) {
      const int64_t place = at / lines, first = at % lines, last = std::min(lines, first + end - at);
      run(p, w, p.batch.element(0, place), x + p.batch.element(1, place), y + p.batch.element(2, place), first * kLine,
          std::min(p.rows, last * kLine));
      at += last - first;
    }
  });
}

}  // namespace anemone::cpu
#endif
