// The values of attributes, which programs, functions and operations carry: beside tensors there are lists, tuples and
// dictionaries of them.
//
//   AttributeValue info = TRY(parse_attribute("dict<string, string>({{\"k\", \"v\"}})"));
//   to_text(info)     // the same, in the spellings of program(1.3)
//
// `type(literal)`: the literal carries no types, so it is read and written along the type.
#pragma once

#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "mil/function.h"

namespace anemone::mil {

struct AttributeType {
  enum class Kind : uint8_t { tensor, list, tuple, dictionary };

  Kind kind = Kind::tensor;
  TensorType tensor{};                 // of a tensor, which may have unknown dimensions
  std::vector<AttributeType> parts{};  // a list's element, a tuple's elements, a dictionary's key and value
  int64_t length = kUnknown;           // of a list

  bool operator==(const AttributeType&) const = default;
};

struct Strings {
  Shape shape;
  std::vector<std::string> values;

  bool operator==(const Strings&) const = default;
};

// A tensor of numbers or of strings, or the elements of a list or tuple; a dictionary's keys and values take turns.
struct AttributeLiteral {
  std::variant<Tensor, Strings, std::vector<AttributeLiteral>> is;

  bool operator==(const AttributeLiteral&) const = default;
};

struct AttributeValue {
  AttributeType type;
  AttributeLiteral literal;

  bool operator==(const AttributeValue&) const = default;
};

// Types nest no deeper.
inline constexpr int kMostNested = 16;

// `where` names the text in errors.
Result<AttributeValue> parse_attribute(std::string_view text, std::string_view where = "attribute");
std::string to_text(const AttributeType& type);
std::string to_text(const AttributeValue& value);

}  // namespace anemone::mil
