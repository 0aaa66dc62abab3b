// Products of a matrix with a few columns: what reading a model's weights for one token comes to. The matrix is read as
// it is stored, in 16 bits an element where it has those, and in the surface where it is an input.
//
//   if (!emit_matvec(l, {weight, as_rows}, {x, as_columns}, c)) ...     // some other product
#pragma once

#include "device/cpu/lowering.h"

namespace anemone::cpu {

// A value, and how its view takes the shape [batch.., rows, columns]; nothing where that would need a copy.
struct ProductOperand {
  mil::ValueId id;
  std::function<std::optional<View>(const View&)> arrange;
};

inline ProductOperand transposed(const ProductOperand& operand) {
  return {operand.id, [arrange = operand.arrange](const View& view) -> std::optional<View> {
            const auto there = arrange(view);
            return there ? std::optional(transposed(*there)) : std::nullopt;
          }};
}

// Whether a result has so few columns or rows.
bool has_few(const View& c);

// Emits c = a·b where one of them has but a few columns or rows. False, and nothing emitted, where that is not so or
// the other's elements do not stand together along its rows or columns.
bool emit_matvec(Lowering& l, const ProductOperand& a, const ProductOperand& b, const View& c);

}  // namespace anemone::cpu
