#include "mil/attribute.h"

#include <fmt/format.h>

#include <algorithm>

#include "mil/literal.h"
#include "mil/printer.h"

namespace anemone::mil {
namespace {

using Kind = AttributeType::Kind;

class Parser {
 public:
  Parser(std::string_view text, std::string_view where) : lexer_(text, where) {}

  Result<AttributeValue> value() {
    AttributeValue value{TRY(type(0)), {}};
    TRY(lexer_.expect("("));
    value.literal = TRY(literal(value.type));
    TRY(lexer_.expect(")"));
    if (lexer_.peek().kind != Token::end) return lexer_.expected("the end", lexer_.peek());
    return value;
  }

 private:
  // Calls read(), which gives a Result, for what stands between the brackets, separated by commas.
  template <class Read>
  static Result<> sequence(Lexer& lexer, std::string_view open, std::string_view close, const Read& read) {
    TRY(lexer.expect(open));
    if (lexer.accept(close)) return {};
    do {
      TRY(read());
    } while (lexer.accept(","));
    TRY(lexer.expect(close));
    return {};
  }

  Result<AttributeType> type(int depth) {
    const Token word = lexer_.peek();
    if (depth > kMostNested) return lexer_.error(word, fmt::format("types nest more than {} levels deep", kMostNested));
    if (word.text == "list") return list_type(depth);
    if (word.text == "tuple" || word.text == "dict") return parts_type(word.text == "dict", depth);
    AttributeType type{.tensor = TRY(parse_type(lexer_))};
    if (type.tensor.state || type.tensor.buffer) return lexer_.error(word, "attributes hold no states and no buffers");
    return type;
  }

  Result<AttributeType> list_type(int depth) {
    lexer_.next();
    AttributeType type{.kind = Kind::list};
    TRY(lexer_.expect("<"));
    type.parts.push_back(TRY(this->type(depth + 1)));
    TRY(lexer_.expect(","));
    type.length = TRY(parse_dimension(lexer_));
    TRY(lexer_.expect(">"));
    return type;
  }

  Result<AttributeType> parts_type(bool is_dictionary, int depth) {
    const Token word = lexer_.next();
    AttributeType type{.kind = is_dictionary ? Kind::dictionary : Kind::tuple};
    TRY(sequence(lexer_, "<", ">", [&]() -> Result<> {
      type.parts.push_back(TRY(this->type(depth + 1)));
      return {};
    }));
    if (is_dictionary && type.parts.size() != 2) {
      return lexer_.error(word, "dict takes the types of its keys and of its values");
    }
    return type;
  }

  Result<AttributeLiteral> literal(const AttributeType& type) {
    switch (type.kind) {
      case Kind::tensor:
        return tensor(type.tensor);
      case Kind::dictionary:
        return dictionary(type);
      default:
        return elements(type);
    }
  }

  // Of a list or a tuple.
  Result<AttributeLiteral> elements(const AttributeType& type) {
    const Token at = lexer_.peek();
    const bool is_list = type.kind == Kind::list;
    const int64_t length = is_list ? type.length : std::ssize(type.parts);
    std::vector<AttributeLiteral> elements;
    TRY(sequence(lexer_, is_list ? "[" : "(", is_list ? "]" : ")", [&]() -> Result<> {
      if (std::ssize(elements) == length) return lexer_.error(at, fmt::format("{} has more elements", to_text(type)));
      elements.push_back(TRY(literal(type.parts[is_list ? 0 : elements.size()])));
      return {};
    }));
    if (length != kUnknown && std::ssize(elements) != length) {
      return lexer_.error(at, fmt::format("{} has {} elements", to_text(type), elements.size()));
    }
    return AttributeLiteral{std::move(elements)};
  }

  Result<AttributeLiteral> dictionary(const AttributeType& type) {
    std::vector<AttributeLiteral> pairs;
    TRY(sequence(lexer_, "{", "}", [&]() -> Result<> {
      TRY(lexer_.expect("{"));
      pairs.push_back(TRY(literal(type.parts[0])));
      TRY(lexer_.expect(","));
      pairs.push_back(TRY(literal(type.parts[1])));
      TRY(lexer_.expect("}"));
      return {};
    }));
    return AttributeLiteral{std::move(pairs)};
  }

  Result<AttributeLiteral> tensor(TensorType type) {
    if (type.dtype == DType::string) return strings(std::move(type.shape));
    if (is_flexible(type.shape)) {
      Lexer ahead = lexer_;
      TRY(measure(ahead, type.shape, 0, [&]() -> Result<> {
        ahead.next();
        return {};
      }));
    }
    return AttributeLiteral{TRY(parse_literal(lexer_, type))};
  }

  Result<AttributeLiteral> strings(Shape shape) {
    Strings strings{.shape = std::move(shape), .values = {}};
    TRY(measure(lexer_, strings.shape, 0, [&]() -> Result<> {
      strings.values.push_back(unquote(TRY(lexer_.expect(Token::string, "a string")).text));
      return {};
    }));
    return AttributeLiteral{std::move(strings)};
  }

  // Reads nested lists, of which unknown dimensions take the length.
  template <class Read>
  static Result<> measure(Lexer& lexer, Shape& shape, size_t axis, const Read& read) {
    if (axis == shape.size()) return read();
    const Token at = lexer.peek();
    int64_t length = 0;
    TRY(sequence(lexer, "[", "]", [&]() -> Result<> {
      ++length;
      return measure(lexer, shape, axis + 1, read);
    }));
    if (shape[axis] == kUnknown) shape[axis] = length;
    if (shape[axis] != length) {
      return lexer.error(at, fmt::format("dimension {} is {}, but has {} elements", axis, shape[axis], length));
    }
    return {};
  }

  Lexer lexer_;
};

std::string join(const std::vector<std::string>& parts) { return fmt::format("{}", fmt::join(parts, ", ")); }

std::string strings_text(const Strings& strings, size_t axis, size_t& at) {
  if (axis == strings.shape.size()) return quote(strings.values[at++]);
  std::vector<std::string> parts;
  for (int64_t i = 0; i < strings.shape[axis]; ++i) parts.push_back(strings_text(strings, axis + 1, at));
  return '[' + join(parts) + ']';
}

std::string literal_text(const AttributeLiteral& literal, const AttributeType& type);

std::string parts_text(const std::vector<AttributeLiteral>& literals, const AttributeType& type) {
  std::vector<std::string> parts;
  for (size_t i = 0; i < literals.size(); ++i) {
    const size_t part = type.kind == Kind::list ? 0 : type.kind == Kind::tuple ? i : i % 2;
    parts.push_back(literal_text(literals[i], type.parts[part]));
  }
  if (type.kind == Kind::list) return '[' + join(parts) + ']';
  if (type.kind == Kind::tuple) return '(' + join(parts) + ')';
  std::vector<std::string> pairs;
  for (size_t i = 0; i + 1 < parts.size(); i += 2) pairs.push_back(fmt::format("{{{}, {}}}", parts[i], parts[i + 1]));
  return '{' + join(pairs) + '}';
}

std::string literal_text(const AttributeLiteral& literal, const AttributeType& type) {
  if (const auto* tensor = std::get_if<Tensor>(&literal.is)) return to_text(*tensor);
  if (const auto* strings = std::get_if<Strings>(&literal.is)) {
    size_t at = 0;
    return strings_text(*strings, 0, at);
  }
  return parts_text(std::get<std::vector<AttributeLiteral>>(literal.is), type);
}

}  // namespace

Result<AttributeValue> parse_attribute(std::string_view text, std::string_view where) {
  return Parser(text, where).value();
}

std::string to_text(const AttributeType& type) {
  std::vector<std::string> parts;
  for (const AttributeType& part : type.parts) parts.push_back(to_text(part));
  switch (type.kind) {
    case Kind::tensor:
      return to_string(type.tensor);
    case Kind::list:
      return fmt::format("list<{}, {}>", parts[0], type.length == kUnknown ? "?" : std::to_string(type.length));
    case Kind::tuple:
      return fmt::format("tuple<{}>", join(parts));
    default:
      return fmt::format("dict<{}>", join(parts));
  }
}

std::string to_text(const AttributeValue& value) {
  return fmt::format("{}({})", to_text(value.type), literal_text(value.literal, value.type));
}

}  // namespace anemone::mil
