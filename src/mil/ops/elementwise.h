// What the parts of the elementwise family share: each operand is stretched to the result's shape.
#pragma once

#include <cmath>

#include "mil/op.h"

namespace anemone::mil {

std::vector<OpDef> unary_ops();
std::vector<OpDef> comparison_ops();

// Calls visit(i, offset) for each element i of `out` in order, `offset` being that of the broadcast operand `in`.
template <class Visit>
void for_each_broadcast(const Shape& out, const Shape& in, const Visit& visit) {
  std::vector<int64_t> steps(out.size(), 0);
  const std::vector<int64_t> strides = packed_strides(in);
  for (size_t d = 0; d < in.size(); ++d) {
    if (in[d] != 1) steps[out.size() - in.size() + d] = strides[d];
  }
  std::vector<int64_t> index(out.size(), 0);
  int64_t offset = 0;
  for (int64_t i = 0, n = count(out); i < n; ++i) {
    visit(i, offset);
    for (size_t d = out.size(); d-- > 0;) {
      offset += steps[d];
      if (++index[d] < out[d]) break;
      offset -= steps[d] * out[d];
      index[d] = 0;
    }
  }
}

// out = x, repeated as often as out's shape asks for.
inline void spread(const Array& x, Array& out) {
  for_each_broadcast(out.type.shape, x.type.shape,
                     [&](int64_t i, int64_t at) { out.data[size_t(i)] = x.data[size_t(at)]; });
}

// out = f(x, y).
template <class F>
void map_pairs(const Array& x, const Array& y, Array& out, const F& f) {
  spread(x, out);
  for_each_broadcast(out.type.shape, y.type.shape,
                     [&](int64_t i, int64_t at) { out.data[size_t(i)] = f(out.data[size_t(i)], y.data[size_t(at)]); });
}

// int32 arithmetic modulo 2^32, whose results a double would not hold before they are wrapped. A negative exponent
// gives the fraction that a double gives.
inline double int32_product(double x, double y) {
  return static_cast<int32_t>(static_cast<uint32_t>(static_cast<int64_t>(x) * static_cast<int64_t>(y)));
}
inline double int32_power(double x, double y) {
  if (y < 0) return std::pow(x, y);
  double power = 1;
  for (auto n = static_cast<int64_t>(y); n > 0; n /= 2, x = int32_product(x, x)) {
    if (n % 2 == 1) power = int32_product(power, x);
  }
  return power;
}

// x − y·⌊x/y⌋ without loss: Python's remainder, of the sign of y.
inline double modulo(double x, double y) {
  const double remainder = std::fmod(x, y);
  return remainder != 0 && (remainder < 0) != (y < 0) ? remainder + y : remainder;
}

}  // namespace anemone::mil
