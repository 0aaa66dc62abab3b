#include "mil/literal.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <cstdlib>
#include <cstring>

namespace anemone::mil {
namespace {

constexpr int kMostNesting = 64;  // of types and of literals

constexpr std::array<std::string_view, 6> kTypeWords{"tensor", "state", "list", "tuple", "dict", "tensor_buffer"};

}  // namespace

Result<int64_t> parse_dimension(Lexer& lexer) {
  if (lexer.accept("?")) return kUnknown;
  const Token token = TRY(lexer.expect(Token::number, "a dimension"));
  int64_t value = 0;
  const auto [end, status] = std::from_chars(token.text.data(), token.text.data() + token.text.size(), value);
  const bool whole = status == std::errc() && end == token.text.data() + token.text.size();
  if (!whole || value < 0 || value > INT32_MAX) return lexer.expected("a dimension from 0 to 2147483647", token);
  return value;
}

namespace {

Result<Shape> parse_dimensions(Lexer& lexer) {
  Shape shape;
  TRY(lexer.expect("["));
  while (!lexer.accept("]")) {
    if (!shape.empty()) TRY(lexer.expect(","));
    if (shape.size() == kMostDimensions) {
      return lexer.error(lexer.peek(), fmt::format("a tensor has more than {} dimensions", kMostDimensions));
    }
    shape.push_back(TRY(parse_dimension(lexer)));
  }
  return shape;
}

Result<DType> parse_element_type(Lexer& lexer) {
  const Token token = TRY(lexer.expect(Token::identifier, "an element type"));
  const auto dtype = parse_dtype(token.text);
  if (!dtype) return lexer.expected("an element type such as fp16", token);
  return *dtype;
}

// `keyword = [1, 2]` of a tensor_buffer.
Result<Shape> parse_named_dimensions(Lexer& lexer, std::string_view keyword) {
  TRY(lexer.expect(","));
  const Token token = TRY(lexer.expect(Token::identifier, keyword));
  if (token.text != keyword) return lexer.expected(keyword, token);
  TRY(lexer.expect("="));
  return parse_dimensions(lexer);
}

Result<TensorType> parse_buffer_type(Lexer& lexer) {
  TRY(lexer.expect("<"));
  TensorType type{TRY(parse_element_type(lexer)), {}};
  type.shape = TRY(parse_named_dimensions(lexer, "shape"));
  BufferLayout layout;
  layout.strides = TRY(parse_named_dimensions(lexer, "strides"));
  layout.interleave_factors = TRY(parse_named_dimensions(lexer, "interleave_factors"));
  type.buffer = std::move(layout);
  TRY(lexer.expect(">"));
  return type;
}

// ---- Literals

// Halfway between two 16-bit floats lie only numbers whose lower bits are zero; there a decimal that lies a little
// beside must not have become the tie itself. (As far as long double tells: 64 bits on x86, none beyond double's on ARM
// Macs.)
double away_from_tie(double nearest, const std::string& text) {
  uint64_t word;
  std::memcpy(&word, &nearest, sizeof word);
  if ((word & 0xFFFFFFF) != 0 || !std::isfinite(nearest)) return nearest;
  const long double exact = std::strtold(text.c_str(), nullptr);
  if (exact == static_cast<long double>(nearest)) return nearest;
  return std::nextafter(nearest, exact > static_cast<long double>(nearest) ? INFINITY : -INFINITY);
}

bool is_integer(DType dtype) { return !is_float(dtype) && dtype != DType::boolean && dtype != DType::string; }

// Stores an integer's bits; false where its type has not that value.
template <class T>
bool store_whole(std::string_view text, DType dtype, std::byte* data, int64_t i) {
  T value = 0;
  const auto [end, status] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (status != std::errc() || end != text.data() + text.size()) return false;
  if (bits(dtype) == 64) {
    std::memcpy(data + i * 8, &value, sizeof value);
    return true;
  }
  store_number(dtype, data, i, static_cast<double>(value));
  return load_number(dtype, data, i) == static_cast<double>(value);
}

// Reads the elements of one tensor into bytes that grow with the text, whatever the type promises.
class Elements {
 public:
  Elements(Lexer& lexer, const TensorType& type) : lexer_(lexer), type_(type) {}

  Result<> read(size_t axis, int depth = 0) {
    if (!lexer_.peek().is("[")) return read_element();
    if (depth > kMostNesting) return lexer_.error(lexer_.peek(), "the literal is nested too deeply");
    const Token open = lexer_.next();
    int64_t length = 0;
    for (; !lexer_.accept("]"); ++length) {
      if (length > 0) TRY(lexer_.expect(","));
      TRY(read(axis + 1, depth + 1));
    }
    const bool flat = axis == 0 && !type_.shape.empty() && length == type_.count();
    const bool nested = axis < type_.shape.size() && length == type_.shape[axis];
    if (!flat && !nested) {
      return lexer_.error(open, fmt::format("this list has {} elements, which {} does not", length, to_string(type_)));
    }
    return {};
  }

  int64_t count() const { return count_; }
  std::vector<std::byte> take() { return std::move(bytes_); }

 private:
  Result<> read_element() {
    const Token token = lexer_.next();
    const size_t needed = (static_cast<size_t>(count_ + 1) * bits(type_.dtype) + 7) / 8;
    bytes_.resize(needed);
    if (!store(token)) {
      if (token.kind != Token::number && token.kind != Token::identifier) return lexer_.expected("a literal", token);
      return lexer_.expected(fmt::format("a value of {}", to_string(type_.dtype)), token);
    }
    ++count_;
    return {};
  }

  bool store(const Token& token) {
    const DType dtype = type_.dtype;
    if (dtype == DType::boolean) {
      if (token.text != "true" && token.text != "false") return false;
      store_number(dtype, bytes_.data(), count_, token.text == "true" ? 1 : 0);
      return true;
    }
    if (is_integer(dtype)) {
      if (token.kind != Token::number) return false;
      return is_signed_integer(dtype) ? store_whole<int64_t>(token.text, dtype, bytes_.data(), count_)
                                      : store_whole<uint64_t>(token.text, dtype, bytes_.data(), count_);
    }
    const auto value = parse_number(token.text);
    if (!value) return false;
    store_number(dtype, bytes_.data(), count_, *value);
    return true;
  }

  Lexer& lexer_;
  const TensorType& type_;
  int64_t count_ = 0;
  std::vector<std::byte> bytes_;
};

// ---- Attributes, of which only the text is kept

class AttributeText {
 public:
  explicit AttributeText(Lexer& lexer) : lexer_(lexer) {}

  Result<std::string> read() {
    TRY(read_type(0));
    TRY(take("("));
    TRY(read_literal(0));
    TRY(take(")"));
    return std::move(text_);
  }

 private:
  Result<> take(std::string_view mark) {
    TRY(lexer_.expect(mark));
    text_ += mark;
    if (mark == ",") text_ += ' ';
    return {};
  }

  Result<> deeper(int depth) const {
    if (depth > kMostNesting) return lexer_.error(lexer_.peek(), "the attribute is nested too deeply");
    return {};
  }

  Result<> read_type(int depth) {
    TRY(deeper(depth));
    if (!begins_type(lexer_.peek())) return lexer_.expected("a type", lexer_.peek());
    const std::string_view word = lexer_.peek().text;
    if (word == "tensor" || word == "tensor_buffer" || word == "state" || parse_dtype(word)) return read_tensor_type();
    text_ += lexer_.next().text;
    TRY(take("<"));
    if (lexer_.peek().is(">")) return take(">");
    TRY(read_type(depth + 1));
    while (lexer_.peek().is(",")) {
      TRY(take(","));
      const bool length = lexer_.peek().kind == Token::number || lexer_.peek().is("?");
      if (length) {
        text_ += lexer_.next().text;
      } else {
        TRY(read_type(depth + 1));
      }
    }
    return take(">");
  }

  // Token by token: its spelling (`tensor<string, []>` or `string`) is part of the text.
  Result<> read_tensor_type() {
    Lexer behind = lexer_;
    TRY(parse_type(behind));
    for (bool more = true; more; more = lexer_.peek().text.data() != behind.peek().text.data()) {
      const Token token = lexer_.next();
      text_ += token.is("=") ? " = " : std::string(token.text) + (token.is(",") ? " " : "");
    }
    return {};
  }

  Result<> read_literal(int depth) {
    TRY(deeper(depth));
    for (const auto& [open, close] : {std::pair("[", "]"), std::pair("(", ")"), std::pair("{", "}")}) {
      if (!lexer_.peek().is(open)) continue;
      TRY(take(open));
      for (bool first = true; !lexer_.peek().is(close); first = false) {
        if (!first) TRY(take(","));
        TRY(read_literal(depth + 1));
      }
      return take(close);
    }
    const Token token = lexer_.next();
    const bool word = token.kind == Token::identifier &&
                      (token.text == "true" || token.text == "false" || token.text == "inf" || token.text == "nan");
    if (token.kind != Token::number && token.kind != Token::string && !word) return lexer_.expected("a literal", token);
    text_ += token.text;
    return {};
  }

  Lexer& lexer_;
  std::string text_;
};

}  // namespace

bool begins_type(const Token& token) {
  if (token.kind != Token::identifier) return false;
  return parse_dtype(token.text) || std::ranges::count(kTypeWords, token.text) > 0;
}

Result<TensorType> parse_type(Lexer& lexer) {
  const Token word = lexer.peek();
  if (!begins_type(word)) return lexer.expected("a type", word);
  if (parse_dtype(word.text)) return TensorType{TRY(parse_element_type(lexer)), {}};
  lexer.next();
  if (word.text == "tensor_buffer") return parse_buffer_type(lexer);
  if (word.text != "tensor" && word.text != "state") {
    return lexer.error(word, fmt::format("a {} stands only in attributes: values are tensors", word.text));
  }
  TRY(lexer.expect("<"));
  TensorType type;
  if (word.text == "state") {
    if (lexer.peek().text != "tensor") return lexer.expected("\"tensor\"", lexer.peek());
    type = TRY(parse_type(lexer));
    type.state = true;
  } else {
    type.dtype = TRY(parse_element_type(lexer));
    TRY(lexer.expect(","));
    type.shape = TRY(parse_dimensions(lexer));
  }
  TRY(lexer.expect(">"));
  return type;
}

std::optional<double> parse_number(std::string_view text) {
  if (text == "nan") return NAN;
  const bool negative = text.starts_with('-');
  std::string_view digits = text.substr(negative ? 1 : 0);
  if (digits == "inf") return negative ? -INFINITY : INFINITY;
  const bool hexadecimal = digits.starts_with("0x");
  if (hexadecimal) digits.remove_prefix(2);
  if (digits.empty() || digits[0] == '-' || digits[0] == 'i' || digits[0] == 'n') return std::nullopt;
  double value = 0;
  const auto format = hexadecimal ? std::chars_format::hex : std::chars_format::general;
  const auto [end, status] = std::from_chars(digits.data(), digits.data() + digits.size(), value, format);
  if (status != std::errc() || end != digits.data() + digits.size()) return std::nullopt;
  if (!hexadecimal) value = away_from_tie(value, std::string(digits));
  return negative ? -value : value;
}

Result<Tensor> parse_literal(Lexer& lexer, const TensorType& type) {
  const Token at = lexer.peek();
  if (is_flexible(type.shape)) return lexer.error(at, "a constant's dimensions must be known");
  if (type.dtype == DType::string) {
    const Token token = TRY(lexer.expect(Token::string, "a string"));
    if (!type.shape.empty()) return lexer.error(at, "tensors of strings are not supported");
    return Tensor::text(unquote(token.text));
  }
  if (!checked_bytes(type)) return lexer.error(at, fmt::format("{} is too large", to_string(type)));
  Elements elements(lexer, type);
  TRY(elements.read(0));
  if (elements.count() != type.count()) {
    return lexer.error(
        at, fmt::format("{} needs {} elements, but {} are given", to_string(type), type.count(), elements.count()));
  }
  return Tensor::own(type, elements.take());
}

Result<std::string> parse_attribute_text(Lexer& lexer) { return AttributeText(lexer).read(); }

}  // namespace anemone::mil
