#include "mil/parser.h"

#include <gmock/gmock.h>

#include <chrono>

#include "base/file.h"
#include "base/half.h"
#include "mil/lexer.h"
#include "mil/literal.h"
#include "mil/op_testing.h"
#include "mil/printer.h"

namespace anemone::mil {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::StartsWith;

std::string golden(const std::string& name) {
  return *read_text(std::string(ANEMONE_SOURCE_DIR "/tests/golden/mil/") + name + ".mil");
}

Program parsed(std::string_view text) {
  auto program = parse(text, "p.mil");
  EXPECT_TRUE(program) << program.error().message;
  return program ? *std::move(program) : Program{};
}

std::string error_of(std::string_view text) {
  const auto program = parse(text, "p.mil");
  return program ? "no error" : program.error().message;
}

// A program of these statements over an input x, whose output is y.
std::string in_main(std::string_view statements, std::string_view opset = "ios18") {
  return fmt::format("program(1.3)\n{{\nfunc main<{}>(tensor<fp16, [2]> x) {{\n{}\n}} -> (y);\n}}\n", opset,
                     statements);
}

// Numbers by value, all else as written.
std::vector<std::string> tokens(std::string_view text) {
  std::vector<std::string> tokens;
  Lexer lexer(text, "tokens");
  while (lexer.peek().kind != Token::end) {
    const Token token = lexer.next();
    const auto number = token.kind == Token::number ? parse_number(token.text) : std::nullopt;
    tokens.push_back(number ? fmt::format("{}", *number) : std::string(token.text));
  }
  return tokens;
}

Tensor literal(std::string_view text) {
  const Program program =
      parsed(in_main(fmt::format("{} c = const()[val = {}];", text.substr(0, text.find('(')), text) +
                     "tensor<fp16, [2]> y = relu(x = x);"));
  if (program.functions.empty()) return {};
  return program.functions[0].values.at(1).constant.value();
}

TEST(Parser, PrintsWhatACompilerPrintedTokenByToken) {
  for (const char* name : {"compiled_ios15", "compiled_ios18"}) {
    const std::string text = golden(name);
    EXPECT_EQ(tokens(print(parsed(text))), tokens(text)) << name;
  }
}

TEST(Parser, WhatIsPrintedComesBack) {
  for (const char* name : {"compiled_ios15", "compiled_ios18", "by_hand"}) {
    const Program program = parsed(golden(name));
    ASSERT_FALSE(program.functions.empty());
    EXPECT_EQ(parsed(print(program)), program) << name;
  }
  for (const GoldenCase& each : golden_cases()) {
    const Call call(each.op, each.arguments, each.opset);
    Program program;
    program.functions.push_back(*call.function());
    for (const char* version : {"1.0", "1.3"}) {
      program.version = version;
      Program back = parsed(print(program));
      ASSERT_EQ(back, program) << print(program);
      const auto checked = check(back.functions.at(0));
      ASSERT_TRUE(checked) << checked.error().message << print(program);
      ASSERT_EQ(back, program);
    }
  }
}

TEST(Parser, ReadsAttributesResultsAndFunctions) {
  const Program program = parsed(golden("compiled_ios18"));
  ASSERT_EQ(program.functions.size(), 2u);
  const Function& main = program.functions[0];
  EXPECT_EQ(main.attributes.at("Launch_ANE_ms"), "fp64(0x1.1000000000000p-3)");
  const Operation& conv = main.operations[1];
  EXPECT_EQ(conv.name, "h");
  EXPECT_EQ(conv.attributes.at("milId"), "uint64(12)");
  EXPECT_EQ(conv.attributes.at("EstimatedRuntime"), R"(dict<string, fp64>({{"ane", 0x1.9p-10}, {"cpu", 1.57e-06}}))");
  EXPECT_EQ(conv.location.line, 6);
  const ValueInfo& weight = main.value(conv.argument("weight")->values[0]);
  EXPECT_EQ(weight.name, "");
  EXPECT_EQ(weight.blob, (BlobReference{"@model_path/weights/weight.bin", 64}));
  EXPECT_EQ(main.operations[2].results.size(), 2u);
  EXPECT_EQ(program.functions[1].name, "second");
}

TEST(Parser, AcceptsWhatPeopleWrite) {
  Program program = parsed(golden("by_hand"));
  ASSERT_EQ(program.functions.size(), 1u);
  Function& main = program.functions[0];
  ASSERT_TRUE(check(main));
  EXPECT_EQ(main.value(main.outputs[1]).type.shape, (Shape{6}));
  EXPECT_EQ(main.operations[1].name, "");
  EXPECT_THAT(main.value(4).constant->numbers(), ElementsAre(1, 2.5, -0.03f, 3));
  EXPECT_EQ(main.value(main.operations[0].results[0]).name, "list");
}

TEST(Parser, ReadsStatesAndBuffers) {
  const std::string text =
      "program(1.3)\n{\n    func main<ios18>(state<tensor<fp16, [2]>> s, tensor_buffer<fp16, shape = [2, 3], strides = "
      "[32, 1], interleave_factors = [1, 1]> b) {\n        } -> (b);\n}\n";
  const Program program = parsed(text);
  ASSERT_EQ(program.functions.size(), 1u);
  const Function& main = program.functions[0];
  EXPECT_TRUE(main.value(0).type.state);
  EXPECT_EQ(main.value(1).type.buffer, (BufferLayout{{32, 1}, {1, 1}}));
  EXPECT_EQ(tokens(print(program)), tokens(text));
}

TEST(Parser, LiteralsAreRoundedOnceIntoTheirType) {
  EXPECT_EQ(literal("fp16(0x1.8p-3)").number(0), 0.1875);
  EXPECT_EQ(literal("fp32(0.1)").number(0), double{0.1f});
  EXPECT_EQ(literal("fp16(-0)").number(0), 0);
  EXPECT_TRUE(std::signbit(literal("fp16(-0.0)").number(0)));
  EXPECT_EQ(literal("fp16(inf)").number(0), INFINITY);
  EXPECT_EQ(literal("fp32(-inf)").number(0), -INFINITY);
  EXPECT_TRUE(std::isnan(literal("fp32(nan)").number(0)));
  EXPECT_EQ(literal("fp16(0x1p-24)").number(0), 0x1p-24);
  // 1 + 2^-11 lies halfway between two halves: even below, but a hair more goes up, though a double does not hold it.
  EXPECT_EQ(literal("fp16(1.00048828125)").number(0), 1);
  EXPECT_EQ(literal("fp16(1.0004882812500000001)").number(0), 1 + 0x1p-10);
  EXPECT_EQ(literal("fp16(-1.0004882812500000001)").number(0), -1 - 0x1p-10);
  EXPECT_EQ(literal("fp16(1.0014648437499999999)").number(0), 1 + 0x1p-10);
  const Tensor wide = literal("uint64(18446744073709551615)");
  EXPECT_EQ(print(parsed(in_main("uint64 c = const()[val = uint64(18446744073709551615)];\ntensor<fp16, [2]> y = "
                                 "relu(x = x);")))
                    .find("uint64(18446744073709551615)") != std::string::npos,
            true);
  EXPECT_THAT(literal("tensor<int4, [3]>([-8, 7, 0])").numbers(), ElementsAre(-8, 7, 0));
  EXPECT_THAT(literal("tensor<int32, [2, 2]>([[1, 2], [3, 4]])").numbers(), ElementsAre(1, 2, 3, 4));
  EXPECT_THAT(literal("tensor<int32, [0]>([])").numbers(), ElementsAre());
  EXPECT_EQ(literal(R"(string("a \"b\"\\\n\t\r"))").characters(), "a \"b\"\\\n\t\r");
}

TEST(Parser, LiteralsThatDoNotFitAreRefused) {
  const auto error = [](std::string_view type, std::string_view text) {
    return error_of(in_main(fmt::format("{0} y = const()[val = {0}({1})];", type, text)));
  };
  EXPECT_THAT(error("int8", "128"), HasSubstr("expected a value of int8, found \"128\""));
  EXPECT_THAT(error("uint8", "-1"), HasSubstr("expected a value of uint8"));
  EXPECT_THAT(error("uint3", "8"), HasSubstr("expected a value of uint3"));
  EXPECT_THAT(error("int32", "1.5"), HasSubstr("expected a value of int32"));
  EXPECT_THAT(error("int32", "2147483648"), HasSubstr("expected a value of int32"));
  EXPECT_THAT(error("bool", "1"), HasSubstr("expected a value of bool"));
  EXPECT_THAT(error("fp16", "true"), HasSubstr("expected a value of fp16"));
  EXPECT_THAT(error("fp16", "1e"), HasSubstr("expected a value of fp16"));
  EXPECT_THAT(error("fp16", "--1"), HasSubstr("expected a value of fp16"));
  EXPECT_THAT(error("fp64", "1e999"), HasSubstr("expected a value of fp64"));
  EXPECT_THAT(error("fp16", "[1]"), HasSubstr("this list has 1 elements, which fp16 does not"));
  EXPECT_THAT(error("tensor<fp16, [2]>", "[1, 2, 3]"), HasSubstr("this list has 3 elements"));
  EXPECT_THAT(error("tensor<fp16, [2]>", "1"), HasSubstr("needs 2 elements, but 1 are given"));
  EXPECT_THAT(error("tensor<fp16, [2, 2]>", "[1, 2]"), HasSubstr("needs 4 elements, but 2 are given"));
  EXPECT_THAT(error("tensor<fp16, [1000000000, 1000000000]>", "[1]"), HasSubstr("is too large"));
  EXPECT_THAT(error("tensor<fp16, [1000000000]>", "[1]"), HasSubstr("this list has 1 elements"));
  EXPECT_THAT(error("tensor<fp16, [?]>", "[1]"), HasSubstr("dimensions must be known"));
  EXPECT_THAT(error("string", "a"), HasSubstr("expected a string, found \"a\""));
  EXPECT_THAT(error("list<string, 2>", "[\"a\"]"), HasSubstr("a list stands only in attributes"));
  const std::string deep(100000, '[');
  EXPECT_THAT(error("fp16", deep), HasSubstr("nested too deeply"));
  EXPECT_THAT(error_of(fmt::format("program(1.3)[a = int32({})]{{}}", deep)), HasSubstr("nested too deeply"));
  std::string type;
  for (int i = 0; i < 50000; ++i) type += "list<";
  EXPECT_THAT(error_of(fmt::format("program(1.3)[a = {}", type)), HasSubstr("nested too deeply"));
  for (int i = 0; i < 50000; ++i) type += "state<";
  EXPECT_THAT(error("state<state<fp16>>", "1"), HasSubstr("expected \"tensor\""));
}

TEST(Parser, ErrorsNameLineColumnWhatWasFoundAndExpected) {
  EXPECT_EQ(error_of("program(1.3)\n{\n  fun main"), "p.mil:3:3: expected \"func\", found \"fun\"");
  EXPECT_EQ(error_of("program(1.3)\n{\n"), "p.mil:3:1: expected \"func\", found the end of the text");
  EXPECT_EQ(error_of(""), "p.mil:1:1: expected \"program\", found the end of the text");
  EXPECT_EQ(error_of("program(1.3) {} x"), "p.mil:1:17: expected the end of the text, found \"x\"");
  EXPECT_EQ(error_of(in_main("  tensor<fp16, [2]> y = relu(x = z);")), "p.mil:4:34: the name z is not defined");
  EXPECT_EQ(error_of(in_main("tensor<fp16, [2]> x = relu(x = x);")), "p.mil:4:19: the name x is defined twice");
  EXPECT_EQ(error_of(in_main("tensor<fp16, [2]> y = relu(x = y);")), "p.mil:4:32: the name y is not defined");
  EXPECT_EQ(error_of(in_main("tensor<fp16, [2]> z = relu(x = x);")), "p.mil:5:7: the name y is not defined");
  EXPECT_EQ(error_of(in_main("tensor<fp16, [2]> y = rely(x = x);")), "p.mil:4:23: there is no op rely");
  EXPECT_EQ(error_of(in_main("tensor<fp16, [2]> y = cond(x = x);")),
            "p.mil:4:23: the op cond is not supported: control flow is not supported");
  EXPECT_EQ(error_of(in_main("tensor<fp16, [2]> y = relu(z = x);")), "p.mil:4:23: relu: there is no parameter z");
  EXPECT_EQ(error_of(in_main("tensor<fp16, [2]> y = add(x = x, x = x);")),
            "p.mil:4:23: add: parameter x is given twice");
  EXPECT_EQ(error_of(in_main("tensor<fp16, [2]> y = relu(x = x)")), "p.mil:5:1: expected \";\", found \"}\"");
  EXPECT_EQ(error_of(in_main("tensor<fp17, [2]> y = relu(x = x);")),
            "p.mil:4:8: expected an element type such as fp16, found \"fp17\"");
  EXPECT_EQ(error_of(in_main("tensor<fp16, [-2]> y = relu(x = x);")),
            "p.mil:4:15: expected a dimension from 0 to 2147483647, found \"-2\"");
  EXPECT_EQ(error_of(in_main("fp16 y = const()[];")), "p.mil:4:10: const: the attribute val is missing");
  EXPECT_EQ(error_of(in_main("fp16 y = const()[val = fp32(1)];")),
            "p.mil:4:10: const: y is declared fp16, but its value is fp32");
  EXPECT_EQ(error_of(in_main("tensor<fp16, [2]> y = relu(x = x)[val = fp16(1)];")),
            "p.mil:4:23: only a const has an attribute val");
  EXPECT_EQ(error_of(in_main("bool y = logical_not(x = true);")),
            "p.mil:4:26: a constant needs its type: write bool(true)");
  EXPECT_EQ(error_of(in_main("", "ios14")),
            "p.mil:3:11: expected an opset: ios15, ios16, ios17, ios18 or ios26, found \"ios14\"");
  EXPECT_THAT(error_of("program(1.3) { func f<ios18>() {} -> (a"), HasSubstr("the name a is not defined"));
  EXPECT_THAT(error_of("program(1.3) { $"), HasSubstr("found \"$\""));
  EXPECT_THAT(error_of("program(1.3)[a = string(\"b"), HasSubstr("expected a literal"));
}

TEST(Parser, OtherTextsAreNamed) {
  EXPECT_EQ(error_of("version https://git-lfs.github.com/spec/v1\noid sha256:1\nsize 2\n"),
            "p.mil is a Git LFS pointer; fetch the real content");
  EXPECT_THAT(error_of("main[CoreML5](%x: (1, 2, fp32)(Tensor)) {\n  block0() {\n"),
              HasSubstr("coremltools' printed program (a Python dump), not MIL text"));
}

TEST(Check, InferredTypesMustBeThoseDeclared) {
  const auto error = [](std::string_view statements) {
    Program program = parsed(in_main(statements));
    const auto checked = program.functions.empty() ? fail("") : Result<>(check(program.functions[0], nullptr, "p.mil"));
    return checked ? "no error" : checked.error().message;
  };
  EXPECT_EQ(error("tensor<fp16, [2]> y = relu(x = x);"), "no error");
  EXPECT_EQ(error("tensor<fp16, [3]> y = relu(x = x);"),
            "p.mil:4:23: y is declared tensor<fp16, [3]>, but relu gives tensor<fp16, [2]>");
  EXPECT_EQ(error("tensor<fp32, [2]> y = relu(x = x);"),
            "p.mil:4:23: y is declared tensor<fp32, [2]>, but relu gives tensor<fp16, [2]>");
  EXPECT_EQ(error("fp16 y, fp16 z = relu(x = x);"), "p.mil:4:18: relu has 1 results, but 2 are declared");
  EXPECT_EQ(error("tensor<fp16, [2]> y = add(x = x);"), "p.mil:4:23: add: parameter y is missing");
  EXPECT_EQ(error("int32 a = const()[val = int32(0)];\nint32 b = add(x = a, y = a);\n"
                  "tensor<fp16, [2]> y = softmax(axis = b, x = x);"),
            "no error");
}

// shape → slice → concat → reshape, with a batch that only the caller knows.
constexpr std::string_view kFlexible = R"(program(1.3)
{
func main<ios17>(tensor<fp16, [?, 6]> x, tensor<fp16, [2, 3]> w) {
  tensor<int32, [2]> dims = shape(x = x);
  tensor<int32, [1]> batch = slice_by_size(begin = tensor<int32, [1]>([0]), size = tensor<int32, [1]>([1]), x = dims);
  tensor<int32, [3]> wanted = concat(axis = int32(0), interleave = bool(false), values = (batch, tensor<int32, [2]>([3, 2])));
  tensor<fp16, [?, 3, 2]> parts = reshape(shape = wanted, x = x);
  tensor<fp16, [?, 3, 3]> y = matmul(transpose_x = bool(false), transpose_y = bool(false), x = parts, y = w);
} -> (y);
}
)";

TEST(Check, FlexibleDimensionsWaitForTheCallersShapes) {
  Program program = parsed(kFlexible);
  Function& main = program.functions.at(0);
  const auto checked = check(main);
  ASSERT_TRUE(checked) << checked.error().message;
  EXPECT_EQ(main.value(main.outputs[0]).type.shape, (Shape{kUnknown, 3, 3}));
  const auto bound = with_input_shapes(main, {{"x", {5, 6}}});
  ASSERT_TRUE(bound) << bound.error().message;
  EXPECT_EQ(bound->value(bound->outputs[0]).type.shape, (Shape{5, 3, 3}));
  EXPECT_EQ(with_input_shapes(main, {{"x", {5, 7}}}).error().message,
            "input x is declared tensor<fp16, [?, 6]>, but was given the shape [5, 7]");
  EXPECT_EQ(with_input_shapes(main, {{"z", {5, 7}}}).error().message, "function main has no input z");
}

TEST(Check, ConstantDimensionsStayAsChecks) {
  std::string text(kFlexible);
  text.replace(text.find("[?, 3, 3]"), 9, "[?, 3, 4]");
  Program program = parsed(text);
  ASSERT_TRUE(check(program.functions.at(0)));
  EXPECT_THAT(with_input_shapes(program.functions[0], {{"x", {5, 6}}}).error().message,
              AllOf(StartsWith("8:"), HasSubstr("y is declared tensor<fp16, [?, 3, 4]>, but matmul gives")));
}

TEST(Parser, OnlyATupleTakesSeveralValuesOrNone) {
  EXPECT_THAT(error_of(in_main("tensor<fp16, [2]> y = relu(x = ());")), HasSubstr("relu: parameter x takes one value"));
  EXPECT_THAT(error_of(in_main("tensor<fp16, [2]> y = relu(x = (x, x));")), HasSubstr("x takes one value"));
}

TEST(Parser, ARankBeyondAllUseIsRefused) {
  const auto of_rank = [](int rank) {
    std::string shape = "1";
    for (int i = 1; i < rank; ++i) shape += ", 1";
    return error_of(in_main(fmt::format("tensor<fp16, [{0}]> y = reshape(x = x, shape = x);", shape)));
  };
  EXPECT_EQ(of_rank(16), "no error");
  EXPECT_THAT(of_rank(17), HasSubstr("a tensor has more than 16 dimensions"));
}

TEST(Parser, AttributesHaveWellFormedTypes) {
  const auto with_attribute = [](const std::string& value) {
    return in_main("tensor<fp16, [2]> y = relu(x = x)[a = " + value + "];");
  };
  for (const char* value : {"tensor<- > >(1)", "tensor<fp16>(1)", "tensor<\"(1)", "state<fp16>(1)"}) {
    EXPECT_THAT(error_of(with_attribute(value)), StartsWith("p.mil:4:")) << value;
  }
  for (const char* value : {"tensor<string, []>(\"a\")", "tuple<>(())", "list<tensor<int32, [?]>, ?>([[1], [2, 3]])"}) {
    const Program program = parsed(with_attribute(value));
    EXPECT_EQ(program.functions.at(0).operations.at(0).attributes.at("a"), value);
    EXPECT_EQ(parsed(print(program)), program);
  }
}

TEST(Parser, AValueMayBeNamedLikeALiteral) {
  const Program program =
      parsed(in_main("tensor<fp16, [2]> true = relu(x = x);\ntensor<fp16, [2]> y = relu(x = true);"));
  EXPECT_EQ(parsed(print(program)), program);
}

TEST(Parser, ALargeProgramTakesNoTime) {
  std::string statements = "tensor<fp16, [2]> v0 = relu(x = x)[name = string(\"v0\")];\n";
  int count = 1;
  for (; statements.size() < 600 * 1000; ++count) {
    statements += fmt::format(
        "            tensor<fp16, [2]> v{0} = add(x = v{1}, y = v{1})[name = string(\"v{0}\")];\n", count, count - 1);
  }
  const std::string text = in_main(statements + fmt::format("tensor<fp16, [2]> y = relu(x = v{});", count - 1));
  const auto start = std::chrono::steady_clock::now();
  Program program = parsed(text);
  ASSERT_TRUE(check(program.functions.at(0)));
  const std::string printed = print(program);
  const std::chrono::duration<double> time = std::chrono::steady_clock::now() - start;
  EXPECT_GT(printed.size(), size_t{500 * 1000});
  EXPECT_LT(time.count(), 3) << "ten times what a quiet machine may take";
}

}  // namespace
}  // namespace anemone::mil
