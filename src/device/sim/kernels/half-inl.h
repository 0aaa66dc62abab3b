// Vectors of the engine's halves (arithmetic/number.h) as floats, which hold each of them exactly.
#if defined(ANEMONE_DEVICE_SIM_KERNELS_HALF_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef ANEMONE_DEVICE_SIM_KERNELS_HALF_INL_H_
#undef ANEMONE_DEVICE_SIM_KERNELS_HALF_INL_H_
#else
#define ANEMONE_DEVICE_SIM_KERNELS_HALF_INL_H_
#endif

#include <hwy/highway.h>

HWY_BEFORE_NAMESPACE();
namespace anemone::sim::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

// The numbers that the patterns stand for. A float's exponent counts from 127, a half's from 15; subnormals have no
// unit bit.
template <class D>
HWY_INLINE hn::Vec<D> Decoded(D f, const uint16_t* from) {
  const hn::RebindToSigned<D> i;
  const auto bits = hn::PromoteTo(i, hn::LoadU(hn::Rebind<uint16_t, D>(), from));
  const auto size = hn::And(bits, hn::Set(i, 0x7FFF));
  const auto normal = hn::BitCast(f, hn::Add(hn::ShiftLeft<13>(size), hn::Set(i, (127 - 15) << 23)));
  const auto subnormal = hn::Mul(hn::ConvertTo(f, size), hn::Set(f, 0x1p-24f));
  const auto is_normal = hn::RebindMask(f, hn::Gt(size, hn::Set(i, 0x3FF)));
  const auto number = hn::IfThenElse(is_normal, normal, subnormal);
  // There is one zero: its sign is dropped.
  const auto sign = hn::IfThenZeroElse(hn::Eq(size, hn::Zero(i)), hn::ShiftLeft<31>(hn::ShiftRight<15>(bits)));
  return hn::Or(number, hn::BitCast(f, sign));
}

// The number value + rest, where value is the float nearest to it, as a float that rounds to the same half: of the two
// floats around it the one nearer to zero, with its last bit set ("round to odd").
template <class D>
HWY_INLINE hn::Vec<D> Sticky(D f, hn::Vec<D> value, hn::Vec<D> rest) {
  const hn::RebindToSigned<D> i;
  const auto bits = hn::BitCast(i, value);
  const auto exact = hn::RebindMask(i, hn::Eq(rest, hn::Zero(f)));
  const auto beyond = hn::RebindMask(i, hn::Lt(hn::Mul(rest, hn::CopySign(hn::Set(f, 1.0f), value)), hn::Zero(f)));
  const auto nearer = hn::IfThenElse(beyond, hn::Sub(bits, hn::Set(i, 1)), bits);
  return hn::BitCast(f, hn::IfThenElse(exact, bits, hn::Or(nearer, hn::Set(i, 1))));
}

// Rounds to halves, ties away from zero.
template <class D>
HWY_INLINE void StoreHalfAway(D f, hn::Vec<D> value, uint16_t* to) {
  const hn::RebindToSigned<D> i;
  const auto bits = hn::BitCast(i, value);
  const auto size = hn::And(bits, hn::Set(i, 0x7FFFFFFF));
  // Half a unit of the 13 bits that go, then the exponent from 127 to 15; infinity is the largest.
  const auto carried = hn::ShiftRight<13>(hn::Add(size, hn::Set(i, 0x1000)));
  const auto normal = hn::Min(hn::Sub(carried, hn::Set(i, (127 - 15) << 10)), hn::Set(i, 0x7C00));
  // Subnormals count 2^-24.
  const auto units = hn::Mul(hn::BitCast(f, size), hn::Set(f, 0x1p24f));
  const auto whole = hn::ConvertTo(i, hn::Min(units, hn::Set(f, 0x1p20f)));
  const auto part = hn::Sub(units, hn::ConvertTo(f, whole));
  const auto up = hn::RebindMask(i, hn::Ge(part, hn::Set(f, 0.5f)));
  const auto subnormal = hn::IfThenElse(up, hn::Add(whole, hn::Set(i, 1)), whole);
  const auto is_normal = hn::Gt(size, hn::Set(i, ((127 - 14) << 23) - 1));
  const auto half = hn::IfThenElse(is_normal, normal, subnormal);
  const auto sign =
      hn::IfThenZeroElse(hn::Eq(half, hn::Zero(i)), hn::ShiftLeft<15>(hn::ShiftRight<31>(hn::BitCast(i, bits))));
  const auto pattern = hn::And(hn::Or(half, sign), hn::Set(i, 0xFFFF));
  const hn::RebindToUnsigned<decltype(i)> u;
  hn::StoreU(hn::TruncateTo(hn::Rebind<uint16_t, D>(), hn::BitCast(u, pattern)), hn::Rebind<uint16_t, D>(), to);
}

}  // namespace anemone::sim::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif
