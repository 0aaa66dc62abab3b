#include "mil/parser.h"

#include <algorithm>
#include <cstring>
#include <iterator>
#include <unordered_map>

#include "mil/literal.h"

namespace anemone::mil {
namespace {

using Names = std::unordered_map<std::string_view, ValueId>;

// What an attribute list holds: text, but for those that are a constant or an operand.
struct Attributed {
  Attributes texts;
  std::string name;
  std::optional<ValueInfo> val;
  std::vector<Argument> arguments;
};

class FunctionParser {
 public:
  FunctionParser(Lexer& lexer, Function& function) : lexer_(lexer), function_(function) {}

  Result<> parse() {
    function_.name = std::string(TRY(lexer_.expect(Token::identifier, "the function's name")).text);
    TRY(lexer_.expect("<"));
    const Token opset = TRY(lexer_.expect(Token::identifier, "an opset such as ios18"));
    const auto number = parse_opset(opset.text);
    if (!number) return lexer_.expected("an opset: ios15, ios16, ios17, ios18 or ios26", opset);
    opset_ = *number;
    function_.opset = std::string(opset.text);
    TRY(lexer_.expect(">"));
    TRY(parse_inputs());
    if (lexer_.peek().is("[")) function_.attributes = TRY(parse_attributes(nullptr)).texts;
    TRY(lexer_.expect("{"));
    while (!lexer_.accept("}")) TRY(parse_statement());
    TRY(lexer_.expect("->"));
    TRY(parse_outputs());
    TRY(lexer_.expect(";"));
    return {};
  }

 private:
  Result<> parse_inputs() {
    TRY(lexer_.expect("("));
    while (!lexer_.accept(")")) {
      if (!function_.inputs.empty()) TRY(lexer_.expect(","));
      function_.inputs.push_back(TRY(parse_declaration()));
    }
    return {};
  }

  Result<> parse_outputs() {
    TRY(lexer_.expect("("));
    do {
      const Token name = TRY(lexer_.expect(Token::identifier, "the name of an output"));
      function_.outputs.push_back(TRY(find(name)));
    } while (lexer_.accept(","));
    TRY(lexer_.expect(")"));
    return {};
  }

  // `type name`, which is new.
  Result<ValueId> parse_declaration() {
    TensorType type = TRY(parse_type(lexer_));
    const Token name = TRY(lexer_.expect(Token::identifier, "a name"));
    const auto id = static_cast<ValueId>(function_.values.size());
    if (!names_.emplace(name.text, id).second) {
      return lexer_.error(name, fmt::format("the name {} is defined twice", name.text));
    }
    function_.values.push_back({std::string(name.text), std::move(type), {}, {}});
    return id;
  }

  Result<ValueId> find(const Token& name) const {
    const auto found = names_.find(name.text);
    if (found == names_.end()) return lexer_.error(name, fmt::format("the name {} is not defined", name.text));
    return found->second;
  }

  Result<> parse_statement() {
    Operation operation;
    const Token first = lexer_.peek();
    std::vector<Declared> declared;
    Token op = lexer_.next();
    if (begins_type(op) && !lexer_.peek().is("(")) {
      TRY(parse_results(op, declared));
      op = TRY(lexer_.expect(Token::identifier, "the name of an op"));
    } else if (op.kind != Token::identifier) {
      return lexer_.expected("a statement or \"}\"", first);
    }
    operation.location = op.location;
    if (lexer_.accept("<")) {
      operation.opset = std::string(TRY(lexer_.expect(Token::identifier, "an opset such as ios17")).text);
      TRY(lexer_.expect(">"));
    }
    operation.op = TRY(find_definition(op, operation.opset));
    TRY(parse_arguments(operation));
    if (lexer_.peek().is("{")) return lexer_.error(op, "control flow is not supported");
    Attributed attributed;
    if (lexer_.peek().is("[")) attributed = TRY(parse_attributes(operation.op));
    TRY(lexer_.expect(";"));
    operation.name = std::move(attributed.name);
    operation.attributes = std::move(attributed.texts);
    std::ranges::move(attributed.arguments, std::back_inserter(operation.arguments));
    TRY(check_arguments(operation, op));
    TRY(define_results(declared, operation));
    TRY(settle_constant(operation, std::move(attributed.val), op));
    function_.operations.push_back(std::move(operation));
    return {};
  }

  struct Declared {
    TensorType type;
    Token name;
  };

  // The types and names in front of "="; the first type's first token has been read.
  Result<> parse_results(const Token& first, std::vector<Declared>& declared) {
    lexer_.put_back(first);
    do {
      TensorType type = TRY(parse_type(lexer_));
      const Token name = TRY(lexer_.expect(Token::identifier, "a name"));
      declared.push_back({std::move(type), name});
    } while (lexer_.accept(","));
    TRY(lexer_.expect("="));
    return {};
  }

  // Results are defined after the arguments: no operation takes its own.
  Result<> define_results(std::vector<Declared>& declared, Operation& operation) {
    for (Declared& result : declared) {
      const auto id = static_cast<ValueId>(function_.values.size());
      if (!names_.emplace(result.name.text, id).second) {
        return lexer_.error(result.name, fmt::format("the name {} is defined twice", result.name.text));
      }
      function_.values.push_back({std::string(result.name.text), std::move(result.type), {}, {}});
      operation.results.push_back(id);
    }
    return {};
  }

  Result<const OpDef*> find_definition(const Token& op, std::string_view own_opset) const {
    const int opset = std::max(opset_, parse_opset(own_opset).value_or(opset_));
    if (const OpDef* found = find_op(op.text, opset)) return found;
    const std::string_view why = why_unsupported(op.text);
    if (!why.empty()) return lexer_.error(op, fmt::format("the op {} is not supported: {}", op.text, why));
    if (const OpDef* newer = find_op(op.text)) {
      return lexer_.error(op, fmt::format("the op {} came with ios{}, but function {} is of {}", op.text, newer->since,
                                          function_.name, function_.opset));
    }
    return lexer_.error(op, fmt::format("there is no op {}", op.text));
  }

  Result<> parse_arguments(Operation& operation) {
    TRY(lexer_.expect("("));
    while (!lexer_.accept(")")) {
      if (!operation.arguments.empty()) TRY(lexer_.expect(","));
      Argument argument{std::string(TRY(lexer_.expect(Token::identifier, "a parameter's name")).text), {}};
      TRY(lexer_.expect("="));
      TRY(parse_operand(argument.values));
      operation.arguments.push_back(std::move(argument));
    }
    return {};
  }

  // A name, a constant in place, or a tuple of these.
  Result<> parse_operand(std::vector<ValueId>& values) {
    if (!lexer_.accept("(")) {
      values.push_back(TRY(parse_single_operand()));
      return {};
    }
    while (!lexer_.accept(")")) {
      if (!values.empty()) TRY(lexer_.expect(","));
      values.push_back(TRY(parse_single_operand()));
    }
    return {};
  }

  Result<ValueId> parse_single_operand() {
    const Token token = lexer_.next();
    const bool is_value = begins_type(token) && (lexer_.peek().is("(") || lexer_.peek().is("<"));
    if (is_value) {
      lexer_.put_back(token);
      return add(TRY(parse_value()));
    }
    if (token.text == "true" || token.text == "false") {
      return lexer_.error(token, fmt::format("a constant needs its type: write bool({})", token.text));
    }
    if (token.kind != Token::identifier) return lexer_.expected("a name or a constant such as int32(1)", token);
    return find(token);
  }

  ValueId add(ValueInfo value) {
    function_.values.push_back(std::move(value));
    return static_cast<ValueId>(function_.values.size()) - 1;
  }

  // type ( literal | BLOBFILE (…) )
  Result<ValueInfo> parse_value() {
    ValueInfo value;
    const Token at = lexer_.peek();
    value.type = TRY(parse_type(lexer_));
    if (value.type.state || value.type.buffer) return lexer_.error(at, "a constant is a tensor");
    TRY(lexer_.expect("("));
    if (lexer_.peek().text == "BLOBFILE") {
      value.blob = TRY(parse_blob());
      if (!checked_bytes(value.type)) {
        return lexer_.error(at, fmt::format("{} is no type of a weight", to_string(value.type)));
      }
    } else {
      value.constant = TRY(parse_literal(lexer_, value.type));
    }
    TRY(lexer_.expect(")"));
    return value;
  }

  Result<BlobReference> parse_blob() {
    BlobReference blob;
    lexer_.next();
    TRY(lexer_.expect("("));
    for (int i = 0; i < 2; ++i) {
      if (i > 0) TRY(lexer_.expect(","));
      const Token key = TRY(lexer_.expect(Token::identifier, "path or offset"));
      TRY(lexer_.expect("="));
      const Token at = lexer_.peek();
      const ValueInfo value = TRY(parse_value());
      if (key.text == "path" && value.constant && value.type == TensorType{DType::string, {}}) {
        blob.path = std::string(value.constant->characters());
      } else if (key.text == "offset" && value.constant && value.type == TensorType{DType::uint64, {}}) {
        std::memcpy(&blob.offset, value.constant->bytes().data(), sizeof blob.offset);
      } else {
        return lexer_.expected("path = string(…) and offset = uint64(…)", at);
      }
    }
    TRY(lexer_.expect(")"));
    return blob;
  }

  // An op's attributes that are its parameters are operands: constexpr ops of before ios18 have them there.
  Result<Attributed> parse_attributes(const OpDef* op) {
    Attributed attributed;
    TRY(lexer_.expect("["));
    for (bool first = true; !lexer_.accept("]"); first = false) {
      if (!first) TRY(lexer_.expect(","));
      const Token key = TRY(lexer_.expect(Token::identifier, "an attribute's name"));
      TRY(lexer_.expect("="));
      if (op != nullptr && op->param(key.text) != nullptr) {
        ValueInfo value = TRY(parse_value());
        attributed.arguments.push_back({std::string(key.text), {add(std::move(value))}});
      } else if (op != nullptr && key.text == "val") {
        attributed.val = TRY(parse_value());
      } else if (op != nullptr && key.text == "name") {
        const Token at = lexer_.peek();
        const ValueInfo value = TRY(parse_value());
        if (!value.constant || value.type.dtype != DType::string) return lexer_.expected("a string", at);
        attributed.name = std::string(value.constant->characters());
      } else if (!attributed.texts.emplace(key.text, TRY(parse_attribute_text(lexer_))).second) {
        return lexer_.error(key, fmt::format("the attribute {} stands twice", key.text));
      }
    }
    return attributed;
  }

  Result<> check_arguments(const Operation& operation, const Token& op) const {
    for (const Argument& argument : operation.arguments) {
      if (operation.op->param(argument.name) == nullptr) {
        return lexer_.error(op, fmt::format("{}: there is no parameter {}", op.text, argument.name));
      }
      if (std::ranges::count(operation.arguments, argument.name, &Argument::name) > 1) {
        return lexer_.error(op, fmt::format("{}: parameter {} is given twice", op.text, argument.name));
      }
    }
    return {};
  }

  Result<> settle_constant(const Operation& operation, std::optional<ValueInfo> val, const Token& op) {
    const bool is_const = op.text == "const";
    if (is_const != val.has_value()) {
      return lexer_.error(op, is_const ? "const: the attribute val is missing" : "only a const has an attribute val");
    }
    if (!is_const) return {};
    if (operation.results.size() != 1) return lexer_.error(op, "const: it has one result");
    ValueInfo& value = function_.values[size_t(operation.results[0])];
    if (value.type != val->type) {
      return lexer_.error(op, fmt::format("const: {} is declared {}, but its value is {}", value.name,
                                          to_string(value.type), to_string(val->type)));
    }
    value.constant = std::move(val->constant);
    value.blob = std::move(val->blob);
    return {};
  }

  Lexer& lexer_;
  Function& function_;
  int opset_ = kNewestOpset;
  Names names_;  // of the text
};

Result<Attributes> parse_program_attributes(Lexer& lexer) {
  Attributes attributes;
  if (!lexer.accept("[")) return attributes;
  for (bool first = true; !lexer.accept("]"); first = false) {
    if (!first) TRY(lexer.expect(","));
    const Token key = TRY(lexer.expect(Token::identifier, "an attribute's name"));
    TRY(lexer.expect("="));
    if (!attributes.emplace(key.text, TRY(parse_attribute_text(lexer))).second) {
      return lexer.error(key, fmt::format("the attribute {} stands twice", key.text));
    }
  }
  return attributes;
}

Result<> refuse_other_texts(std::string_view text, std::string_view where) {
  const size_t begin = std::min(text.find_first_not_of(" \t\r\n"), text.size());
  const std::string_view start = text.substr(begin);
  if (start.starts_with("version https://git-lfs")) {
    return fail("{} is a Git LFS pointer; fetch the real content", where);
  }
  if (start.starts_with("main[CoreML") || text.find("block0() {") != std::string_view::npos) {
    return fail(
        "{}: this is coremltools' printed program (a Python dump), not MIL text; export an .mlpackage or a compiled "
        ".mlmodelc instead",
        where);
  }
  return {};
}

Result<> expect_word(Lexer& lexer, std::string_view word) {
  if (lexer.peek().text != word) return lexer.expected(fmt::format("\"{}\"", word), lexer.peek());
  lexer.next();
  return {};
}

}  // namespace

Result<Program> parse(std::string_view text, std::string_view where) {
  TRY(refuse_other_texts(text, where));
  Lexer lexer(text, where);
  Program program{.version = {}, .attributes = {}, .functions = {}};
  TRY(expect_word(lexer, "program"));
  TRY(lexer.expect("("));
  program.version = std::string(TRY(lexer.expect(Token::number, "a version such as 1.3")).text);
  TRY(lexer.expect(")"));
  program.attributes = TRY(parse_program_attributes(lexer));
  TRY(lexer.expect("{"));
  while (!lexer.accept("}")) {
    TRY(expect_word(lexer, "func"));
    const Token name = lexer.peek();
    if (program.function(name.text) != nullptr) {
      return lexer.error(name, fmt::format("the function {} is defined twice", name.text));
    }
    Function function;
    TRY(FunctionParser(lexer, function).parse());
    program.functions.push_back(std::move(function));
  }
  if (lexer.peek().kind != Token::end) return lexer.expected("the end of the text", lexer.peek());
  return program;
}

}  // namespace anemone::mil
