#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "base/half.cc"
#include <hwy/foreach_target.h>  // compiles this file once for each instruction set
//
#include <hwy/highway.h>

#include <algorithm>
#include <cmath>

#include "base/half.h"

HWY_BEFORE_NAMESPACE();
namespace anemone::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

using Floats = hn::ScalableTag<float>;
using Halves = hn::Rebind<hwy::float16_t, Floats>;
using OneFloat = hn::CappedTag<float, 1>;
using OneHalf = hn::Rebind<hwy::float16_t, OneFloat>;

// On x86 machines that have no conversions of halves of their own, those before AVX2, Highway 1.0.3 truncates to halves
// and takes their infinities and NaNs for numbers.
constexpr bool kConvertsHalves = !HWY_ARCH_X86 || HWY_TARGET <= HWY_AVX2;

// The values of halves. Where there is no conversion: exponent and significand, moved to a float's place, are the value
// divided by 2^112, subnormal or not, and infinities and NaNs are what has every bit of the exponent.
HWY_INLINE hn::Vec<Floats> Widened(const uint16_t* from) {
  const Floats f;
  if constexpr (kConvertsHalves) {
    return hn::PromoteTo(f, hn::LoadU(Halves(), reinterpret_cast<const hwy::float16_t*>(from)));
  } else {
    const hn::RebindToUnsigned<Floats> u;
    const auto bits = hn::PromoteTo(u, hn::LoadU(hn::Rebind<uint16_t, Floats>(), from));
    const auto sign = hn::ShiftLeft<16>(hn::And(bits, hn::Set(u, 0x8000)));
    const auto moved = hn::BitCast(f, hn::ShiftLeft<13>(hn::And(bits, hn::Set(u, 0x7FFF))));
    const auto endless = hn::Or(moved, hn::BitCast(f, hn::Set(u, 0x7F800000)));
    const auto is_number = hn::Lt(moved, hn::BitCast(f, hn::Set(u, 0x7C00 << 13)));
    const auto magnitude = hn::IfThenElse(is_number, hn::Mul(moved, hn::Set(f, 0x1p112f)), endless);
    return hn::Or(magnitude, hn::BitCast(f, sign));
  }
}

void HalfToFloat(const uint16_t* from, size_t count, float* to) {
  const Floats f;
  const size_t lanes = hn::Lanes(f);
  size_t i = 0;
  for (; i + lanes <= count; i += lanes) hn::StoreU(Widened(from + i), f, to + i);
  for (; i < count; ++i) to[i] = Half{from[i]}.value();
}

void FloatToHalf(const float* from, size_t count, uint16_t* to) {
  const Floats f;
  const Halves h;
  auto* target = reinterpret_cast<hwy::float16_t*>(to);
  const size_t lanes = hn::Lanes(f);
  size_t i = 0;
  for (; kConvertsHalves && i + lanes <= count; i += lanes)
    hn::StoreU(hn::DemoteTo(h, hn::LoadU(f, from + i)), h, target + i);
  for (; kConvertsHalves && i < count; ++i)
    hn::StoreU(hn::DemoteTo(OneHalf(), hn::LoadU(OneFloat(), from + i)), OneHalf(), target + i);
  for (; i < count; ++i) to[i] = Half::from(from[i]).bits;
}

void RoundToHalf(float* values, size_t count) {
  const Floats f;
  const Halves h;
  const size_t lanes = hn::Lanes(f);
  size_t i = 0;
  for (; kConvertsHalves && i + lanes <= count; i += lanes) {
    hn::StoreU(hn::PromoteTo(f, hn::DemoteTo(h, hn::LoadU(f, values + i))), f, values + i);
  }
  for (; i < count; ++i) values[i] = Half::from(values[i]).value();
}

// The upper 16 bits of each word, rounded to nearest even; a NaN stays one.
template <class Words>
HWY_INLINE hn::Vec<Words> RoundedWords(Words u, const float* from) {
  const Floats f;
  const auto value = hn::LoadU(f, from);
  const auto bits = hn::BitCast(u, value);
  const auto even = hn::And(hn::ShiftRight<16>(bits), hn::Set(u, 1));
  const auto rounded = hn::Add(bits, hn::Add(even, hn::Set(u, 0x7FFF)));
  return hn::IfThenElse(hn::RebindMask(u, hn::IsNaN(value)), hn::Or(bits, hn::Set(u, 0x400000)), rounded);
}

void FloatToBFloat16(const float* from, size_t count, uint16_t* to) {
  const hn::RebindToUnsigned<Floats> u;
  const hn::Rebind<uint16_t, Floats> narrow;
  const size_t lanes = hn::Lanes(u);
  size_t i = 0;
  for (; i + lanes <= count; i += lanes) {
    hn::StoreU(hn::TruncateTo(narrow, hn::ShiftRight<16>(RoundedWords(u, from + i))), narrow, to + i);
  }
  for (; i < count; ++i) to[i] = BFloat16::from(from[i]).bits;
}

void RoundToBFloat16(float* values, size_t count) {
  const Floats f;
  const hn::RebindToUnsigned<Floats> u;
  const size_t lanes = hn::Lanes(u);
  size_t i = 0;
  for (; i + lanes <= count; i += lanes) {
    const auto kept = hn::And(RoundedWords(u, values + i), hn::Set(u, 0xFFFF0000));
    hn::StoreU(hn::BitCast(f, kept), f, values + i);
  }
  for (; i < count; ++i) values[i] = BFloat16::from(values[i]).value();
}

}  // namespace anemone::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace anemone {

HWY_EXPORT(HalfToFloat);
HWY_EXPORT(FloatToHalf);
HWY_EXPORT(RoundToHalf);
HWY_EXPORT(FloatToBFloat16);
HWY_EXPORT(RoundToBFloat16);

Half Half::from(double value) {
  const uint16_t sign = std::signbit(value) ? 0x8000 : 0;
  if (std::isnan(value)) return {static_cast<uint16_t>(sign | 0x7E00)};
  const double magnitude = std::fabs(value);
  if (magnitude >= 65520.0) return {static_cast<uint16_t>(sign | 0x7C00)};
  int exponent = -14;  // of the unit bit; subnormals share the smallest
  if (magnitude >= 0x1p-14) exponent = std::ilogb(magnitude);
  // The significand in units of 2^(exponent-10); nearbyint rounds ties to even. A carry walks into the exponent.
  const auto units = static_cast<uint32_t>(std::nearbyint(std::ldexp(magnitude, 10 - exponent)));
  const uint32_t biased = units < 1024 ? 0 : static_cast<uint32_t>(exponent + 14) << 10;
  return {static_cast<uint16_t>(sign | (biased + units))};
}

BFloat16 BFloat16::from(float value) {
  auto word = std::bit_cast<uint32_t>(value);
  if (std::isnan(value)) return {static_cast<uint16_t>((word >> 16) | 0x40)};
  word += 0x7FFF + ((word >> 16) & 1);
  return {static_cast<uint16_t>(word >> 16)};
}

void to_float(std::span<const Half> from, float* to) {
  HWY_DYNAMIC_DISPATCH(HalfToFloat)(reinterpret_cast<const uint16_t*>(from.data()), from.size(), to);
}

void to_half(std::span<const float> from, Half* to) {
  HWY_DYNAMIC_DISPATCH(FloatToHalf)(from.data(), from.size(), reinterpret_cast<uint16_t*>(to));
}

void round_to_half(std::span<float> values) { HWY_DYNAMIC_DISPATCH(RoundToHalf)(values.data(), values.size()); }

void round_to_bfloat16(std::span<float> values) { HWY_DYNAMIC_DISPATCH(RoundToBFloat16)(values.data(), values.size()); }

void to_bfloat16(std::span<const float> from, BFloat16* to) {
  HWY_DYNAMIC_DISPATCH(FloatToBFloat16)(from.data(), from.size(), reinterpret_cast<uint16_t*>(to));
}

}  // namespace anemone
#endif
