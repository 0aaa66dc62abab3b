// The tokens of MIL text.
//
//   Lexer lexer(text, "model.mil");
//   Token name = TRY(lexer.expect(Token::identifier, "a name"));
//   TRY(lexer.expect("("));
//
// Space is blank, tab and newline, anywhere between tokens. Errors say file, line and column, what was expected and
// what was found.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "mil/function.h"

namespace anemone::mil {

struct Token {
  enum Kind { identifier, number, string, punctuation, end, unknown };
  Kind kind = end;
  std::string_view text;  // as written; a string with its quotes
  Location location;

  bool is(std::string_view punctuation_mark) const { return kind == punctuation && text == punctuation_mark; }
};

class Lexer {
 public:
  // `text` must outlive the lexer and its tokens; `where` names it in errors.
  Lexer(std::string_view text, std::string_view where);

  const Token& peek() const { return token_; }
  Token next();  // and steps over it
  // Undoes the last next(), which gave `token`; once.
  void put_back(const Token& token);
  // Steps over the token if it is that punctuation mark.
  bool accept(std::string_view mark);
  Result<Token> expect(std::string_view mark);
  Result<Token> expect(Token::Kind kind, std::string_view what);

  // "where:line:column: " and a message, for a token.
  tl::unexpected<Error> error(const Token& at, std::string_view message) const;
  // The same: "expected WHAT, found …".
  tl::unexpected<Error> expected(std::string_view what, const Token& found) const;

 private:
  Token scan();
  size_t end_of_string(size_t begin) const;

  std::string_view text_, where_;
  size_t at_ = 0, line_start_ = 0;
  int32_t line_ = 1;
  Token token_;
  std::optional<Token> after_;  // where a token was put back: the one that follows it
};

// The characters of a string token, its escapes (\" \\ \n \t \r) undone.
std::string unquote(std::string_view quoted);
std::string quote(std::string_view text);

// Names of MIL text are [A-Za-z_][A-Za-z0-9_@]*.
bool is_identifier(std::string_view name);
bool may_stand_in_identifier(char letter);

}  // namespace anemone::mil
