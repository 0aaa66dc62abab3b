// Values of MIL text: types, literals, attributes.
#pragma once

#include <optional>
#include <string>

#include "mil/lexer.h"

namespace anemone::mil {

// Of a tensor in a program from outside.
inline constexpr size_t kMostDimensions = 16;

// Whether a type may begin with this token: an element type, `tensor`, `state`, …
bool begins_type(const Token& token);

// A tensor's, a state's or a tensor_buffer's type; lists, tuples and dictionaries are refused.
Result<TensorType> parse_type(Lexer& lexer);

// A size, or kUnknown for `?`.
Result<int64_t> parse_dimension(Lexer& lexer);

// The literal of a constant of this type, without the parentheses around it: a number, a string, `true`, nested lists
// by rank or one flat list.
Result<Tensor> parse_literal(Lexer& lexer, const TensorType& type);

// `type(literal)` of any type, as text with one blank behind each comma: the value of an attribute.
Result<std::string> parse_attribute_text(Lexer& lexer);

// The number that a token writes, rounded once, to nearest even, when it is stored as a 16-bit float or wider.
std::optional<double> parse_number(std::string_view text);

}  // namespace anemone::mil
