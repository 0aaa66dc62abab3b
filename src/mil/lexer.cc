#include "mil/lexer.h"

#include <algorithm>
#include <utility>

namespace anemone::mil {
namespace {

constexpr std::string_view kEscaped = "\"\\\n\t\r", kEscapeLetters = "\"\\ntr";

bool is_digit(char letter) { return letter >= '0' && letter <= '9'; }

bool is_letter(char letter) {
  return (letter >= 'a' && letter <= 'z') || (letter >= 'A' && letter <= 'Z') || letter == '_';
}

// Digits, letters (of "0x1p", "e", "inf"), points, and signs behind an exponent's letter.
size_t end_of_number(std::string_view text, size_t begin) {
  size_t end = begin + 1;
  const bool hexadecimal = text.substr(begin + (text[begin] == '-' ? 1 : 0), 2) == "0x";
  while (end < text.size()) {
    const char letter = text[end], before = text[end - 1];
    const bool exponent = before == 'p' || before == 'P' || (!hexadecimal && (before == 'e' || before == 'E'));
    const bool sign = exponent && (letter == '+' || letter == '-');
    if (!sign && !is_digit(letter) && !is_letter(letter) && letter != '.') break;
    ++end;
  }
  return end;
}

std::string describe(const Token& token) {
  constexpr size_t kMost = 40;
  if (token.kind == Token::end) return "the end of the text";
  std::string shown(token.text.substr(0, kMost));
  if (token.text.size() > kMost) shown += "…";
  return token.kind == Token::string ? shown : "\"" + shown + "\"";
}

}  // namespace

Lexer::Lexer(std::string_view text, std::string_view where) : text_(text), where_(where) { token_ = scan(); }

Token Lexer::next() {
  const Token current = token_;
  token_ = after_ ? *std::exchange(after_, std::nullopt) : scan();
  return current;
}

void Lexer::put_back(const Token& token) { after_ = std::exchange(token_, token); }

bool Lexer::accept(std::string_view mark) {
  if (!token_.is(mark)) return false;
  next();
  return true;
}

Result<Token> Lexer::expect(std::string_view mark) {
  if (!token_.is(mark)) return expected(fmt::format("\"{}\"", mark), token_);
  return next();
}

Result<Token> Lexer::expect(Token::Kind kind, std::string_view what) {
  if (token_.kind != kind) return expected(what, token_);
  return next();
}

tl::unexpected<Error> Lexer::error(const Token& at, std::string_view message) const {
  return fail("{}:{}:{}: {}", where_, at.location.line, at.location.column, message);
}

tl::unexpected<Error> Lexer::expected(std::string_view what, const Token& found) const {
  return error(found, fmt::format("expected {}, found {}", what, describe(found)));
}

size_t Lexer::end_of_string(size_t begin) const {
  for (size_t at = begin + 1; at < text_.size(); ++at) {
    if (text_[at] == '\\') {
      ++at;
    } else if (text_[at] == '"') {
      return at + 1;
    }
  }
  return begin;  // it has no end
}

Token Lexer::scan() {
  for (; at_ < text_.size(); ++at_) {
    const char letter = text_[at_];
    if (letter == '\n') {
      ++line_;
      line_start_ = at_ + 1;
    } else if (letter != ' ' && letter != '\t' && letter != '\r') {
      break;
    }
  }
  const size_t begin = at_;
  const Location location{line_, static_cast<int32_t>(begin - line_start_ + 1)};
  if (begin == text_.size()) return {Token::end, {}, location};
  const char letter = text_[begin], following = begin + 1 < text_.size() ? text_[begin + 1] : ' ';
  Token::Kind kind = Token::unknown;
  size_t end = begin + 1;
  if (is_letter(letter)) {
    kind = Token::identifier;
    while (end < text_.size() && may_stand_in_identifier(text_[end])) ++end;
  } else if (letter == '-' && following == '>') {
    kind = Token::punctuation;
    ++end;
  } else if (is_digit(letter) || letter == '-') {
    kind = Token::number;
    end = end_of_number(text_, begin);
  } else if (letter == '"') {
    end = end_of_string(begin);
    kind = end > begin ? Token::string : Token::unknown;
    end = std::max(end, begin + 1);
    const auto lines = std::ranges::count(text_.substr(begin, end - begin), '\n');
    if (lines > 0) line_start_ = text_.rfind('\n', end - 1) + 1;
    line_ += static_cast<int32_t>(lines);
  } else if (std::string_view("()[]{}<>,=;?").find(letter) != std::string_view::npos) {
    kind = Token::punctuation;
  }
  at_ = end;
  return {kind, text_.substr(begin, end - begin), location};
}

std::string unquote(std::string_view quoted) {
  std::string text;
  for (size_t i = 1; i + 1 < quoted.size(); ++i) {
    const bool escape = quoted[i] == '\\' && i + 2 < quoted.size();
    if (escape) ++i;
    const size_t at = kEscapeLetters.find(quoted[i]);
    text += escape && at != std::string_view::npos ? kEscaped[at] : quoted[i];
  }
  return text;
}

std::string quote(std::string_view text) {
  std::string quoted = "\"";
  for (char letter : text) {
    const size_t at = kEscaped.find(letter);
    if (at != std::string_view::npos) quoted += '\\';
    quoted += at == std::string_view::npos ? letter : kEscapeLetters[at];
  }
  return quoted + '"';
}

bool may_stand_in_identifier(char letter) { return is_letter(letter) || is_digit(letter) || letter == '@'; }

bool is_identifier(std::string_view name) {
  return !name.empty() && is_letter(name[0]) && std::ranges::all_of(name, may_stand_in_identifier);
}

}  // namespace anemone::mil
