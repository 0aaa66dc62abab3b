#include "mil/attribute.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <bit>
#include <charconv>
#include <cstdlib>
#include <cstring>

#include "mil/printer.h"

namespace anemone::mil {
namespace {

using Kind = AttributeType::Kind;

bool is_space(char letter) { return letter == ' ' || letter == '\t' || letter == '\n' || letter == '\r'; }

bool may_stand_in_number(char letter) { return may_stand_in_identifier(letter) || letter == '.' || letter == '+'; }

// The elements of a tensor of numbers while they are read. 64-bit integers do not pass through double.
struct Elements {
  DType dtype;
  std::vector<uint64_t> words{};  // an integer of 64 bits, or the bits of a double
};

bool is_wide_integer(DType dtype) { return dtype == DType::int64 || dtype == DType::uint64; }

Result<uint64_t> parse_integer(DType dtype, std::string_view token) {
  const char* end = token.data() + token.size();
  uint64_t word = 0;
  std::from_chars_result parsed{};
  if (dtype == DType::uint64) {
    parsed = std::from_chars(token.data(), end, word);
  } else {
    int64_t number = 0;
    parsed = std::from_chars(token.data(), end, number);
    const auto width = static_cast<int>(bits(dtype));
    const int64_t low = !is_signed_integer(dtype) ? 0 : width == 64 ? INT64_MIN : -(int64_t{1} << (width - 1));
    const int64_t high = width == 64 ? INT64_MAX : (int64_t{1} << (is_signed_integer(dtype) ? width - 1 : width)) - 1;
    if (number < low || number > high) return fail("{} is out of the range of {}", token, to_string(dtype));
    word = width == 64 ? static_cast<uint64_t>(number) : std::bit_cast<uint64_t>(static_cast<double>(number));
  }
  if (parsed.ec != std::errc{} || parsed.ptr != end) return fail("\"{}\" is no {}", token, to_string(dtype));
  return word;
}

Result<uint64_t> parse_element(DType dtype, std::string_view token) {
  if (dtype == DType::boolean) {
    if (token != "true" && token != "false") return fail("\"{}\" is neither true nor false", token);
    return std::bit_cast<uint64_t>(token == "true" ? 1.0 : 0.0);
  }
  if (!is_float(dtype)) return parse_integer(dtype, token);
  const std::string text(token);
  char* end = nullptr;
  const double number = std::strtod(text.c_str(), &end);
  if (text.empty() || end != text.c_str() + text.size()) return fail("\"{}\" is no number", token);
  return std::bit_cast<uint64_t>(number);
}

Tensor make_tensor(const Shape& shape, const Elements& elements) {
  const TensorType type{elements.dtype, shape};
  std::vector<std::byte> bytes(type.bytes());
  for (size_t i = 0; i < elements.words.size(); ++i) {
    if (is_wide_integer(type.dtype)) {
      std::memcpy(bytes.data() + i * sizeof(uint64_t), &elements.words[i], sizeof(uint64_t));
    } else {
      store_number(type.dtype, bytes.data(), static_cast<int64_t>(i), std::bit_cast<double>(elements.words[i]));
    }
  }
  return Tensor::own(type, std::move(bytes));
}

class Parser {
 public:
  explicit Parser(std::string_view text) : text_(text) {}

  Result<AttributeValue> value() {
    AttributeValue value{TRY(type(0)), {}};
    TRY(expect('('));
    value.literal = TRY(literal(value.type));
    TRY(expect(')'));
    skip_space();
    if (at_ < text_.size()) return fail("there is more after the value, from \"{}\" on", rest());
    return value;
  }

 private:
  void skip_space() {
    while (at_ < text_.size() && is_space(text_[at_])) ++at_;
  }

  std::string_view rest() const { return text_.substr(at_, 20); }

  bool peek(char letter) {
    skip_space();
    return at_ < text_.size() && text_[at_] == letter;
  }

  bool accept(char letter) {
    if (!peek(letter)) return false;
    ++at_;
    return true;
  }

  Result<> expect(char letter) {
    if (!accept(letter)) return fail("expected '{}' at \"{}\"", letter, rest());
    return {};
  }

  template <class Stands>
  std::string_view word(const Stands& may_stand) {
    skip_space();
    const size_t begin = at_;
    while (at_ < text_.size() && may_stand(text_[at_])) ++at_;
    return text_.substr(begin, at_ - begin);
  }
  std::string_view identifier() { return word(may_stand_in_identifier); }
  std::string_view number() {
    return word([](char letter) { return may_stand_in_number(letter) || letter == '-'; });
  }

  Result<> expect_words(std::initializer_list<std::string_view> words) {
    for (std::string_view expected : words) {
      const std::string_view found = identifier();
      if (found != expected) return fail("expected {}, found \"{}\"", expected, found);
      if (expected != "string" && expected != "uint64") TRY(expect('='));
    }
    return expect('(');
  }

  // Calls read() for what stands, separated by commas, between the two brackets.
  template <class Read>
  Result<> sequence(char open, char close, const Read& read) {
    TRY(expect(open));
    if (accept(close)) return {};
    do {
      TRY(read());
    } while (accept(','));
    return expect(close);
  }

  // A dimension or a length; `?` is kUnknown.
  Result<int64_t> size() {
    if (accept('?')) return kUnknown;
    const std::string_view token = number();
    int32_t size = 0;
    const auto [end, error] = std::from_chars(token.data(), token.data() + token.size(), size);
    if (error != std::errc{} || end != token.data() + token.size() || size < 0) {
      return fail("\"{}\" is no dimension", token);
    }
    return size;
  }

  Result<AttributeType> type(int depth) {
    if (depth > kMostNested) return fail("types nest more than {} levels deep", kMostNested);
    const std::string_view name = identifier();
    if (const auto dtype = parse_dtype(name)) return AttributeType{.tensor = {*dtype, {}}};
    AttributeType type;
    if (name == "tensor") {
      TRY(tensor_type(type.tensor));
    } else if (name == "list") {
      type.kind = Kind::list;
      TRY(expect('<'));
      type.parts.push_back(TRY(this->type(depth + 1)));
      TRY(expect(','));
      type.length = TRY(size());
      TRY(expect('>'));
    } else if (name == "tuple" || name == "dict") {
      type.kind = name == "tuple" ? Kind::tuple : Kind::dictionary;
      TRY(sequence('<', '>', [&]() -> Result<> {
        type.parts.push_back(TRY(this->type(depth + 1)));
        return {};
      }));
      if (name == "dict" && type.parts.size() != 2) return fail("dict takes the types of keys and of values");
    } else {
      return fail("\"{}\" is not the type of an attribute", name);
    }
    return type;
  }

  Result<> tensor_type(TensorType& type) {
    TRY(expect('<'));
    const std::string_view name = identifier();
    const auto dtype = parse_dtype(name);
    if (!dtype) return fail("\"{}\" is no element type", name);
    type.dtype = *dtype;
    TRY(expect(','));
    TRY(sequence('[', ']', [&]() -> Result<> {
      type.shape.push_back(TRY(size()));
      if (type.shape.size() > kMostNested) return fail("a tensor has more than {} dimensions", kMostNested);
      return {};
    }));
    if (!is_flexible(type.shape)) TRY(checked_bytes(type));
    return expect('>');
  }

  Result<AttributeLiteral> literal(const AttributeType& type) {
    switch (type.kind) {
      case Kind::tensor:
        return tensor(type.tensor);
      case Kind::list:
        return list(type);
      case Kind::tuple:
        return tuple(type);
      default:
        return dictionary(type);
    }
  }

  Result<AttributeLiteral> list(const AttributeType& type) {
    std::vector<AttributeLiteral> elements;
    TRY(sequence('[', ']', [&]() -> Result<> {
      elements.push_back(TRY(literal(type.parts[0])));
      return {};
    }));
    if (type.length != kUnknown && std::ssize(elements) != type.length) {
      return fail("{} has {} elements", to_text(type), elements.size());
    }
    return AttributeLiteral{std::move(elements)};
  }

  Result<AttributeLiteral> tuple(const AttributeType& type) {
    std::vector<AttributeLiteral> elements;
    TRY(sequence('(', ')', [&]() -> Result<> {
      if (elements.size() == type.parts.size()) return fail("{} has more elements", to_text(type));
      elements.push_back(TRY(literal(type.parts[elements.size()])));
      return {};
    }));
    if (elements.size() != type.parts.size()) return fail("{} has {} elements", to_text(type), elements.size());
    return AttributeLiteral{std::move(elements)};
  }

  Result<AttributeLiteral> dictionary(const AttributeType& type) {
    std::vector<AttributeLiteral> pairs;
    TRY(sequence('{', '}', [&]() -> Result<> {
      TRY(expect('{'));
      pairs.push_back(TRY(literal(type.parts[0])));
      TRY(expect(','));
      pairs.push_back(TRY(literal(type.parts[1])));
      return expect('}');
    }));
    return AttributeLiteral{std::move(pairs)};
  }

  Result<AttributeLiteral> tensor(const TensorType& type) {
    if (peek('B') && text_.substr(at_).starts_with("BLOBFILE")) return AttributeLiteral{TRY(blob())};
    Shape shape = type.shape;
    if (type.dtype == DType::string) {
      Strings strings;
      TRY(elements(shape, [&]() -> Result<> {
        strings.values.push_back(TRY(string()));
        return {};
      }));
      strings.shape = std::move(shape);
      return AttributeLiteral{std::move(strings)};
    }
    Elements numbers{type.dtype};
    TRY(elements(shape, [&]() -> Result<> {
      numbers.words.push_back(TRY(parse_element(type.dtype, number())));
      return {};
    }));
    return AttributeLiteral{make_tensor(shape, numbers)};
  }

  // Nested by rank, or all in one row where the shape is known. Unknown dimensions become known.
  template <class Read>
  Result<> elements(Shape& shape, const Read& read) {
    const Shape declared = shape;
    int64_t row = 0;
    const size_t begin = at_;
    if (shape.size() > 1 && !is_flexible(shape) && accept('[') && !peek('[') && !peek(']')) {
      at_ = begin;
      TRY(sequence('[', ']', [&] {
        ++row;
        return read();
      }));
      if (row != count(shape)) return fail("{} elements do not fill {}", row, to_string(shape));
      return {};
    }
    at_ = begin;
    TRY(nested(shape, 0, read));
    if (is_flexible(shape)) return fail("the shape {} does not follow from its elements", to_string(declared));
    return {};
  }

  template <class Read>
  Result<> nested(Shape& shape, size_t axis, const Read& read) {
    if (axis == shape.size()) return read();
    int64_t size = 0;
    TRY(sequence('[', ']', [&] {
      ++size;
      return nested(shape, axis + 1, read);
    }));
    if (shape[axis] == kUnknown) shape[axis] = size;
    if (shape[axis] != size) return fail("dimension {} is {}, but has {} elements", axis, shape[axis], size);
    return {};
  }

  Result<std::string> string() {
    TRY(expect('"'));
    std::string value;
    for (; at_ < text_.size() && text_[at_] != '"'; ++at_) {
      char letter = text_[at_];
      if (letter == '\\') {
        constexpr std::string_view kEscaped = "\"\\\n\t\r", kLetters = "\"\\ntr";
        const size_t which = ++at_ < text_.size() ? kLetters.find(text_[at_]) : std::string_view::npos;
        if (which == std::string_view::npos) return fail("a string has an unknown escape");
        letter = kEscaped[which];
      }
      value += letter;
    }
    TRY(expect('"'));
    return value;
  }

  Result<BlobReference> blob() {
    identifier();
    TRY(expect('('));
    TRY(expect_words({"path", "string"}));
    BlobReference reference{.path = TRY(string())};
    TRY(expect(')'));
    TRY(expect(','));
    TRY(expect_words({"offset", "uint64"}));
    reference.offset = TRY(parse_integer(DType::uint64, number()));
    TRY(expect(')'));
    TRY(expect(')'));
    return reference;
  }

  std::string_view text_;
  size_t at_ = 0;
};

std::string join(const std::vector<std::string>& parts) { return fmt::format("{}", fmt::join(parts, ", ")); }

std::string nested_strings(const Strings& strings, size_t axis, size_t& at) {
  if (axis == strings.shape.size()) return quote(strings.values[at++]);
  std::vector<std::string> parts;
  for (int64_t i = 0; i < strings.shape[axis]; ++i) parts.push_back(nested_strings(strings, axis + 1, at));
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
  if (const auto* tensor = std::get_if<Tensor>(&literal.is)) return mil::literal(*tensor);
  if (const auto* blob = std::get_if<BlobReference>(&literal.is)) return mil::literal(*blob);
  if (const auto* strings = std::get_if<Strings>(&literal.is)) {
    size_t at = 0;
    return nested_strings(*strings, 0, at);
  }
  return parts_text(std::get<std::vector<AttributeLiteral>>(literal.is), type);
}

}  // namespace

Result<AttributeValue> parse_attribute(std::string_view text) {
  auto value = Parser(text).value();
  if (!value) return fail("attribute {}: {}", text.substr(0, 60), value.error().message);
  return value;
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
