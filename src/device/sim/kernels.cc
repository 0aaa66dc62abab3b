#include "device/sim/kernels.h"

#include "device/sim/arithmetic/accumulator.h"

namespace anemone::sim {
namespace {

Accumulator sum_of(const Product& p, const Half* a, const Half* b, const Half* bias) {
  Accumulator sum = bias == nullptr ? Accumulator() : Accumulator(*bias);
  for (int64_t k = 0; k < p.inner; ++k) {
    const Half w = a[k * p.a.column], x = b[k * p.b.row];
    if (p.terms == Terms::integers) {
      sum.add_units(static_cast<int64_t>(decode(x) * decode(w)));
    } else {
      sum.add(x, w);
    }
  }
  return sum;
}

void readable_multiply(const Product& p, const Half* a, const Half* b, const Half* bias, const Result2D& c, float*) {
  for (int64_t row = 0; row < p.rows; ++row) {
    for (int64_t column = 0; column < p.columns; ++column) {
      const Accumulator sum =
          sum_of(p, a + row * p.a.row, b + column * p.b.column, bias == nullptr ? nullptr : bias + row);
      const int64_t at = row * p.c.row + column * p.c.column;
      if (c.sums != nullptr) {
        c.sums[at] = sum.units();
      } else {
        c.halves[at] = sum.result();
      }
    }
  }
}

void vector_combine(Combination how, const Run& x, const Run& y, Half* to, int64_t count) {
  combine(how, x, y, to, count);
}

void readable_combine(Combination how, const Run& x, const Run& y, Half* to, int64_t count) {
  for (int64_t i = 0; i < count; ++i) to[i] = combine(how, x.data[i * x.stride], y.data[i * y.stride]);
}

}  // namespace

const Kernels& kernels(Implementation implementation) {
  static const Kernels readable{readable_multiply, readable_combine}, vectors{multiply, vector_combine};
  return implementation == Implementation::readable ? readable : vectors;
}

}  // namespace anemone::sim
