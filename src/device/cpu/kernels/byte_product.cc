#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "device/cpu/kernels/byte_product.cc"
#include <hwy/foreach_target.h>  // compiles this file once for each instruction set
//
#include <hwy/highway.h>
#include <omp.h>

#include <algorithm>
#include <cmath>

#include "base/parallel.h"
#include "device/cpu/kernels/byte_product.h"

HWY_BEFORE_NAMESPACE();
namespace anemone::cpu::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

using Vector = hn::ScalableTag<float>;
using Element = hn::CappedTag<float, 1>;

// Addresses by value: the compiler would read them anew after each byte stored, which might be theirs.
struct Scaler {
  explicit Scaler(const SumScaling& s)
      : correction(s.correction.data()), factor(s.factor.data()), bias(s.bias.data()) {}
  const int32_t* correction;
  const float *factor, *bias;

  template <class D>
  HWY_INLINE hn::Vec<D> operator()(D d, const int32_t* sums, size_t i) const {
    const hn::RebindToSigned<D> words;
    const auto sum = hn::Add(hn::LoadU(words, sums + i), hn::LoadU(words, correction + i));
    return hn::MulAdd(hn::ConvertTo(d, sum), hn::LoadU(d, factor + i), hn::LoadU(d, bias + i));
  }
};

void ScaleSums(const SumScaling& scaling, const int32_t* sums, size_t count, float* y) {
  const Vector d;
  const Element e;
  const Scaler scaled(scaling);
  const size_t lanes = hn::Lanes(d);
  size_t i = 0;
  for (; i + lanes <= count; i += lanes) hn::StoreU(scaled(d, sums, i), d, y + i);
  for (; i < count; ++i) hn::StoreU(scaled(e, sums, i), e, y + i);
}

// Before AVX2, x86 has no conversions of halves.
template <class D>
HWY_INLINE hn::Vec<D> RoundedToHalf(D d, hn::Vec<D> y) {
#if HWY_ARCH_X86 && HWY_TARGET > HWY_AVX2
  HWY_ALIGN float numbers[hn::MaxLanes(D())];
  hn::Store(y, d, numbers);
  round_to_half({numbers, hn::Lanes(d)});
  return hn::Load(d, numbers);
#else
  return hn::PromoteTo(d, hn::DemoteTo(hn::Rebind<hwy::float16_t, D>(), y));
#endif
}

// Added to a float below 2²², it leaves the integer nearest to it, halves to even, in the lowest bits.
constexpr float kRounding = 0x1.8p23F;
constexpr int32_t kRoundingBits = 0x4B400000;
constexpr float kBeyondBytes = 1024;  // steps, with any zero point

template <bool kHalves, bool kDivide, class Byte>
struct Quantizer {
  Quantizer(const SumScaling& s, const Quantization& q)
      : scaled(s), step(kDivide ? q.scale.data() : q.inverse.data()), zero_point(q.zero_point.data()) {}
  Scaler scaled;
  const float* step;
  const int32_t* zero_point;

  template <class D>
  HWY_INLINE void convert(D d, const int32_t* sums, size_t i, Byte* to) const {
    const hn::RebindToSigned<D> words;
    auto y = scaled(d, sums, i);
    if constexpr (kHalves) y = RoundedToHalf(d, y);
    const auto by = hn::LoadU(d, step + i);
    const auto exact = kDivide ? hn::Div(y, by) : hn::Mul(y, by);
    const auto steps = hn::Min(hn::Max(exact, hn::Set(d, -kBeyondBytes)), hn::Set(d, kBeyondBytes));
    const auto rounded = hn::BitCast(words, hn::Add(steps, hn::Set(d, kRounding)));
    const auto shift = hn::Sub(hn::LoadU(words, zero_point + i), hn::Set(words, kRoundingBits));
    hn::StoreU(hn::DemoteTo(hn::Rebind<Byte, D>(), hn::Add(rounded, shift)), hn::Rebind<Byte, D>(), to + i);
  }

  HWY_INLINE void operator()(const int32_t* sums, size_t count, std::byte* to) const {
    const size_t lanes = hn::Lanes(Vector());
    auto* const bytes = reinterpret_cast<Byte*>(to);
    size_t i = 0;
    for (; i + lanes <= count; i += lanes) convert(Vector(), sums, i, bytes);
    for (; i < count; ++i) convert(Element(), sums, i, bytes);
  }
};

template <bool kHalves, bool kDivide>
HWY_INLINE void QuantizeAs(const SumScaling& s, const Quantization& q, const int32_t* sums, size_t count,
                           std::byte* to) {
  q.is_signed ? Quantizer<kHalves, kDivide, int8_t>(s, q)(sums, count, to)
              : Quantizer<kHalves, kDivide, uint8_t>(s, q)(sums, count, to);
}

void QuantizeSums(const SumScaling& s, const Quantization& q, const int32_t* sums, size_t count, std::byte* to) {
  const bool halves = s.rounding == Rounding::half, divide = q.inverse.empty();
  if (halves)
    return divide ? QuantizeAs<true, true>(s, q, sums, count, to) : QuantizeAs<true, false>(s, q, sums, count, to);
  divide ? QuantizeAs<false, true>(s, q, sums, count, to) : QuantizeAs<false, false>(s, q, sums, count, to);
}

}  // namespace anemone::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace anemone::cpu {
namespace {

HWY_EXPORT(ScaleSums);
HWY_EXPORT(QuantizeSums);

constexpr int64_t kBlockRows = 64;  // whose sums fit the second-level cache: 128 KiB for 512 columns
constexpr int64_t kFewRows = 16;

// A block for each thread where there are few rows.
int64_t block_rows(int64_t rows) {
  const int64_t share = (rows + thread_count() - 1) / thread_count();
  return std::min(kBlockRows, (share + kFewRows - 1) / kFewRows * kFewRows);
}

constexpr size_t lines(size_t bytes) { return (bytes + kCacheLine - 1) / kCacheLine * kCacheLine; }

}  // namespace

void scale_sums(const SumScaling& scaling, const int32_t* sums, size_t count, float* y) {
  HWY_DYNAMIC_DISPATCH(ScaleSums)(scaling, sums, count, y);
}

Quantization::Quantization(std::vector<float> scales, std::vector<int32_t> zero_points, bool to_signed)
    : scale(std::move(scales)), zero_point(std::move(zero_points)), is_signed(to_signed) {
  int exponent = 0;
  const auto is_power_of_two = [&](float s) {
    return std::isnormal(1 / s) && std::fabs(std::frexp(s, &exponent)) == 0.5F;
  };
  if (!std::ranges::all_of(scale, is_power_of_two)) return;
  for (const float s : scale) inverse.push_back(1 / s);
}

void quantize_sums(const SumScaling& scaling, const Quantization& quantization, const int32_t* sums, size_t count,
                   std::byte* to) {
  HWY_DYNAMIC_DISPATCH(QuantizeSums)(scaling, quantization, sums, count, to);
}

ScaledByteProduct::ScaledByteProduct(ByteProductPlan plan, const int8_t* w, PlannedProducts& products)
    : plan_(std::move(plan)),
      block_(block_rows(plan_.rows)),
      threads_(thread_count()),
      product_(
          products.get(BytePlan{.m = block_, .n = plan_.columns, .k = plan_.inner, .a_is_signed = plan_.x_is_signed})),
      w_(product_->pack(w)) {}

// The sums of a block, and the rows of x where there are fewer than a block's.
size_t ScaledByteProduct::scratch_of_thread() const {
  return lines(size_t(block_ * plan_.columns) * sizeof(int32_t)) + lines(size_t(block_ * plan_.inner));
}

void ScaledByteProduct::run(const std::byte* x, std::byte* scratch, std::byte* y) const {
  parallel_for((plan_.rows + block_ - 1) / block_, 1, [&](int64_t begin, int64_t end) {
    std::byte* mine = scratch + static_cast<size_t>(omp_get_thread_num()) * scratch_of_thread();
    for (int64_t i = begin; i < end; ++i) run_block(i * block_, x, mine, y);
  });
}

void ScaledByteProduct::run_block(int64_t row, const std::byte* x, std::byte* scratch, std::byte* y) const {
  const int64_t rows = std::min(block_, plan_.rows - row), columns = plan_.columns;
  auto* const sums = reinterpret_cast<int32_t*>(scratch);
  const std::byte* from = x + row * plan_.inner;
  if (rows < block_) {
    std::byte* padded = scratch + lines(size_t(block_ * columns) * sizeof(int32_t));
    std::copy_n(from, rows * plan_.inner, padded);
    from = padded;
  }
  product_->run(from, w_, sums);
  const auto bytes = static_cast<int64_t>(plan_.quantization ? 1 : sizeof(float));
  for (int64_t r = 0; r < rows; ++r) finish_row(sums + r * columns, y + (row + r) * columns * bytes);
}

void ScaledByteProduct::finish_row(const int32_t* sums, std::byte* y) const {
  const auto count = static_cast<size_t>(plan_.columns);
  if (plan_.quantization) return quantize_sums(plan_.scaling, *plan_.quantization, sums, count, y);
  auto* const floats = reinterpret_cast<float*>(y);
  scale_sums(plan_.scaling, sums, count, floats);
  round_to(plan_.scaling.rounding, {floats, count});
}

}  // namespace anemone::cpu
#endif  // HWY_ONCE
