// A loop over vectors and then over what is left, for Highway files (include it after <hwy/highway.h>).
//
//   for_each(count, [&](auto d, int64_t i) HWY_ATTR { hn::StoreU(hn::Neg(hn::LoadU(d, x + i)), d, y + i); });
//
// The rest goes through the same body, one element a call, so that an element's bits do not depend on its place.
#if defined(ANEMONE_TRAIN_VECTOR_LOOP_INL_H) == defined(HWY_TARGET_TOGGLE)
#ifdef ANEMONE_TRAIN_VECTOR_LOOP_INL_H
#undef ANEMONE_TRAIN_VECTOR_LOOP_INL_H
#else
#define ANEMONE_TRAIN_VECTOR_LOOP_INL_H
#endif

#include <hwy/highway.h>

#include <cstdint>

HWY_BEFORE_NAMESPACE();
namespace anemone::train::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

template <class Body>
HWY_INLINE void for_each(int64_t count, const Body& body) {
  const hn::ScalableTag<float> vector;
  const hn::CappedTag<float, 1> element;
  const auto lanes = static_cast<int64_t>(hn::Lanes(vector));
  int64_t i = 0;
  for (; i + lanes <= count; i += lanes) body(vector, i);
  for (; i < count; ++i) body(element, i);
}

}  // namespace anemone::train::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();
#endif
