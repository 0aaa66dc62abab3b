// A nest of loops over strided operands, as every kernel walks it.
//
//   Loops loops = loops_over({&out, &x});                          // layout.h: dimensions merged where all agree
//   for (int64_t row = 0; row < loops.rows(); ++row) f(x + loops.row(1, row), loops.inner(), loops.inner_stride(1));
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace anemone {

struct Loops {
  std::vector<int64_t> sizes;                 // outermost first; at least one
  std::vector<std::vector<int64_t>> strides;  // [operand][dimension], in elements; 0 where an operand is repeated

  int64_t inner() const { return sizes.back(); }
  int64_t inner_stride(size_t operand) const { return strides[operand].back(); }
  int64_t rows() const {
    int64_t product = 1;
    for (size_t d = 0; d + 1 < sizes.size(); ++d) product *= sizes[d];
    return product;
  }
  int64_t count() const { return rows() * inner(); }

  // The offset of an operand's element `index`, counted in the order of the nest.
  int64_t element(size_t operand, int64_t index) const {
    int64_t offset = 0;
    for (size_t d = sizes.size(); d-- > 0; index /= sizes[d]) offset += index % sizes[d] * strides[operand][d];
    return offset;
  }
  // The offset of the first element of a row.
  int64_t row(size_t operand, int64_t index) const {
    int64_t offset = 0;
    for (size_t d = sizes.size() - 1; d-- > 0; index /= sizes[d]) offset += index % sizes[d] * strides[operand][d];
    return offset;
  }
  // The elements lie one after another in the order of the nest.
  bool contiguous(size_t operand) const {
    int64_t expected = 1;
    for (size_t d = sizes.size(); d-- > 0; expected *= sizes[d]) {
      if (sizes[d] != 1 && strides[operand][d] != expected) return false;
    }
    return true;
  }
  // One value stands for all elements.
  bool uniform(size_t operand) const {
    for (size_t d = 0; d < sizes.size(); ++d) {
      if (sizes[d] != 1 && strides[operand][d] != 0) return false;
    }
    return true;
  }
};

}  // namespace anemone
