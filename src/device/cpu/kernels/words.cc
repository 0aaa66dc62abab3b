#include "device/cpu/kernels/words.h"

#include "base/half.h"
#include "device/cpu/kernels/rows.h"
#include "mil/tensor.h"

namespace anemone::cpu {
namespace {

// How each packed element type becomes a word.
float as_word(Half value) { return value.value(); }
float as_word(BFloat16 value) { return value.value(); }
float as_word(float value) { return value; }
float as_word(bool value) { return value ? 1.0f : 0.0f; }
template <class Integer>
float as_word(Integer value) {
  return word(static_cast<int32_t>(value));
}

template <class T>
T from_word_as(float value) {
  if constexpr (std::is_same_v<T, Half> || std::is_same_v<T, BFloat16>) {
    return T::from(value);
  } else if constexpr (std::is_same_v<T, float>) {
    return value;
  } else if constexpr (std::is_same_v<T, bool>) {
    return value != 0;
  } else {
    return static_cast<T>(integer(value));
  }
}

// Calls f with a value of the C++ type whose bytes are the elements of `dtype`; false where there is none.
template <class F>
bool with_type(mil::DType dtype, const F& f) {
  // NOLINTBEGIN(bugprone-branch-clone): the types differ
  switch (dtype) {
    case mil::DType::fp16:
      return f(Half()), true;
    case mil::DType::bf16:
      return f(BFloat16()), true;
    case mil::DType::fp32:
      return f(float()), true;
    case mil::DType::boolean:
      return f(bool()), true;
    case mil::DType::int8:
      return f(int8_t()), true;
    case mil::DType::uint8:
      return f(uint8_t()), true;
    case mil::DType::int16:
      return f(int16_t()), true;
    case mil::DType::uint16:
      return f(uint16_t()), true;
    case mil::DType::int32:
    case mil::DType::uint32:
      return f(int32_t()), true;
    default:
      return false;
  }
  // NOLINTEND(bugprone-branch-clone)
}

// to[..] = f(from[..]) over the nest.
template <class To, class From, class F>
void map(const Loops& loops, To* to, const From* from, const F& f) {
  const int64_t to_stride = loops.inner_stride(0), from_stride = loops.inner_stride(1);
  for_each_row(loops, [&](int64_t at, int64_t source, int64_t count) {
    for (int64_t i = 0; i < count; ++i) to[at + i * to_stride] = f(from[source + i * from_stride]);
  });
}

// Calls visit(index in to, index in from) for each element, in one thread.
template <class Visit>
void for_each_element(const Loops& loops, const Visit& visit) {
  for (int64_t row = 0; row < loops.rows(); ++row) {
    for (int64_t i = 0; i < loops.inner(); ++i) {
      visit(loops.row(0, row) + i * loops.inner_stride(0), loops.row(1, row) + i * loops.inner_stride(1));
    }
  }
}

bool is_dense(const Loops& loops) { return loops.inner_stride(0) == 1 && loops.inner_stride(1) == 1; }

}  // namespace

void widen(const Loops& loops, mil::DType dtype, float* to, const std::byte* from) {
  if (dtype == mil::DType::fp16 && is_dense(loops)) {
    const auto* halves = reinterpret_cast<const Half*>(from);
    return for_each_row(loops, [&](int64_t at, int64_t source, int64_t count) {
      to_float({halves + source, size_t(count)}, to + at);
    });
  }
  const bool whole_bytes = with_type(dtype, [&](auto type) {
    map(loops, to, reinterpret_cast<const decltype(type)*>(from), [](decltype(type) value) { return as_word(value); });
  });
  if (whole_bytes) return;
  for_each_element(loops,
                   [&](int64_t at, int64_t source) { to[at] = to_word(dtype, mil::load_number(dtype, from, source)); });
}

void narrow(const Loops& loops, mil::DType dtype, std::byte* to, const float* from) {
  if (dtype == mil::DType::fp16 && is_dense(loops)) {
    auto* halves = reinterpret_cast<Half*>(to);
    return for_each_row(loops, [&](int64_t at, int64_t source, int64_t count) {
      to_half({from + source, size_t(count)}, halves + at);
    });
  }
  if (dtype == mil::DType::bf16 && is_dense(loops)) {
    auto* narrow = reinterpret_cast<BFloat16*>(to);
    return for_each_row(loops, [&](int64_t at, int64_t source, int64_t count) {
      to_bfloat16({from + source, size_t(count)}, narrow + at);
    });
  }
  const bool whole_bytes = with_type(
      dtype, [&](auto type) { map(loops, reinterpret_cast<decltype(type)*>(to), from, from_word_as<decltype(type)>); });
  if (whole_bytes) return;
  for_each_element(
      loops, [&](int64_t at, int64_t source) { mil::store_number(dtype, to, at, from_word(dtype, from[source])); });
}

void to_doubles(const Loops& loops, mil::DType dtype, double* to, const float* from) {
  map(loops, to, from, [dtype](float value) { return from_word(dtype, value); });
}

void from_doubles(const Loops& loops, mil::DType dtype, float* to, const double* from) {
  map(loops, to, from, [dtype](double value) { return to_word(dtype, value); });
}

}  // namespace anemone::cpu
