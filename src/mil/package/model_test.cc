#include "mil/package/model.h"

#include <gmock/gmock.h>

#include <cmath>

#include "base/file.h"
#include "mil/builder.h"
#include "mil/printer.h"

namespace anemone::mil {
namespace {

using testing::HasSubstr;

Tensor numbers(DType dtype, Shape shape, const std::vector<double>& values) {
  return Tensor::from_numbers({dtype, std::move(shape)}, values);
}

Function built(Builder& b) { return *b.finish(); }

// Every kind of constant, several results, a tuple of operands, weights.
Function main_function() {
  Builder b;
  const Value x = b.input("x", {DType::fp16, {1, 8, 1, 4}});
  const Value scale = b.input("scale", {DType::fp32, {}});
  const Value q =
      conv(x, b.weight("wq", {DType::fp16, {8, 8, 1, 1}}, {"@model_path/weights/weight.bin", 128})) * 0.1875;
  b.constant(numbers(DType::int4, {3}, {-8, 7, 1}), "nibbles");
  b.constant(numbers(DType::uint3, {2, 3}, {7, 0, 1, 2, 3, 4}), "triples");
  b.constant(numbers(DType::uint1, {9}, {1, 0, 1, 1, 0, 0, 1, 0, 1}), "mask");
  b.constant(numbers(DType::bf16, {2}, {1.5, -2}), "brains");
  b.constant(numbers(DType::f8e5m2, {2}, {0.25, -2}), "eighths");
  b.constant(numbers(DType::fp32, {2}, {0x1p-149, -INFINITY}), "floats");
  b.constant(numbers(DType::fp64, {1}, {0.1}), "doubles");
  b.constant(numbers(DType::boolean, {3}, {1, 0, 1}), "flags");
  b.constant(numbers(DType::int8, {2}, {-128, 127}), "bytes");
  b.constant(numbers(DType::uint8, {2}, {255, 0}), "ubytes");
  b.constant(numbers(DType::int16, {2}, {-32768, 5}), "shorts");
  b.constant(numbers(DType::uint16, {2}, {65535, 5}), "ushorts");
  b.constant(numbers(DType::uint32, {1}, {4294967295.0}), "uints");
  b.constant(numbers(DType::int64, {2}, {-0x1p62, 3}), "longs");
  b.constant(numbers(DType::uint64, {1}, {0x1p63}), "ulongs");
  b.constant(numbers(DType::int32, {0, 4}, {}), "nothing");
  b.constant(Tensor::text("a \"b\"\n"), "words");
  b.output("probs", softmax(concat({slice(q, 1, 0, 2), slice(q, 1, 6, 2)}, 1), -1));
  b.output("wide", cast(q, DType::fp32) + scale);
  return built(b);
}

// An operand written in place, attributes of all kinds, an unknown dimension.
Function flexible_function() {
  Function f;
  f.name = "prefill";
  f.opset = "ios17";
  f.values = {{"x", {DType::fp32, {1, kUnknown}}, {}, {}},
              {"", {DType::fp32, {}}, Tensor::scalar(DType::fp32, 0.5), {}},
              {"y", {DType::fp32, {1, kUnknown}}, {}, {}}};
  f.inputs = {0};
  f.outputs = {2};
  f.operations = {{.op = find_op("mul", 17),
                   .name = "scaling",
                   .arguments = {{"x", {0}}, {"y", {1}}},
                   .results = {2},
                   .attributes = {{"BackendSupport", R"(list<string, 2>(["all", "cpu"]))"},
                                  {"EstimatedRuntime", R"(dict<string, fp64>({{"cpu", 0x1p-3}}))"},
                                  {"milId", "uint64(7)"}}}};
  f.attributes = {{"Launch_ms", "fp64(0x1p+0)"},
                  {"Shapes", R"(tuple<tuple<string, dict<string, tensor<int32, [?]>>>, list<tensor<int32, [2]>, ?>>()"
                             R"((("DefaultShapes", {{"x", [1, 3]}}), [[1, 1], [1, 64]])))"}};
  return f;
}

// A state as an input, which the operations need not use.
Function state_function() {
  Builder b("zeroth");
  b.output("y", sigmoid(b.input("x", {DType::fp16, {2}})));
  Function f = built(b);
  f.values.push_back({"cache", {DType::fp16, {1, 4}, true}, {}, {}});
  f.inputs.push_back(static_cast<ValueId>(f.values.size() - 1));
  return f;
}

Program whole_program() { return {.functions = {main_function(), flexible_function(), state_function()}}; }

Model again(const Model& model) {
  const auto bytes = encode_model(model);
  EXPECT_TRUE(bytes) << bytes.error().message;
  auto back = decode_model(*bytes, "m.mlmodel");
  EXPECT_TRUE(back) << back.error().message;
  return *back;
}

TEST(Model, AProgramWithEveryFeatureComesBack) {
  const Model model = *describe(whole_program());
  const Model back = again(model);
  EXPECT_EQ(print(back.program), print(model.program));
  for (const Function& function : model.program.functions) {
    EXPECT_EQ(*back.program.function(function.name), function) << function.name;
  }
  EXPECT_EQ(back, model);
}

TEST(Model, TheSameModelGivesTheSameBytes) {
  const Model model = *describe(whole_program());
  EXPECT_EQ(*encode_model(model), *encode_model(again(model)));
}

TEST(Model, WhatItSaysBesideItsProgramComesBack) {
  Model model = *describe({.functions = {main_function()}});
  model.metadata = {"what", "1.2", "who", "free", {{"key", "value"}, {"other", ""}}};
  Feature& x = model.interfaces["main"].inputs[0];
  x.description = "activations";
  x.optional = true;
  x.fallback = 0.5;
  x.shapes = {{1, 8, 1, 4}, {1, 8, 1, 8}};
  Feature& scale = model.interfaces["main"].inputs[1];
  scale.ranges = {{1, 4}};
  Feature& image = model.interfaces["main"].outputs[0];
  image = {.name = "probs", .kind = Feature::Kind::image};
  image.color = Feature::Color::bgr;
  image.shape = {32, 64};
  image.ranges = {{1, kUnknown}, {8, 64}};
  EXPECT_EQ(again(model), model);
  image.ranges.clear();
  image.shapes = {{32, 64}, {16, 16}};
  EXPECT_EQ(again(model), model);
}

TEST(Model, FeaturesAreThoseOfTheFunctions) {
  const Model model = *describe(whole_program());
  EXPECT_EQ(model.default_function, "main");
  const Interface& main = model.interfaces.at("main");
  EXPECT_EQ(main.inputs[1], (Feature{.name = "scale", .dtype = DType::fp32, .shape = {1}}));
  EXPECT_EQ(main.outputs[0], (Feature{.name = "probs", .dtype = DType::fp16, .shape = {1, 4, 1, 4}}));
  const Interface& prefill = model.interfaces.at("prefill");
  EXPECT_EQ(prefill.inputs[0], (Feature{.name = "x", .shape = {1, 1}, .ranges = {{1, 1}, {1, kUnknown}}}));
  EXPECT_EQ(prefill.outputs[0], (Feature{.name = "y", .shape = {}}));
  EXPECT_EQ(model.interfaces.at("zeroth").states[0],
            (Feature{.name = "cache", .kind = Feature::Kind::state, .dtype = DType::fp16, .shape = {1, 4}}));
}

TEST(Model, WhatModelsDoNotHaveIsRefused) {
  const auto error = [](const Program& program) {
    const auto model = describe(program);
    if (!model) return model.error().message;
    const auto bytes = encode_model(*model);
    return bytes ? "" : bytes.error().message;
  };
  Function f = main_function();
  f.values[0].type.dtype = DType::boolean;
  EXPECT_THAT(error({.functions = {f}}), HasSubstr("x is bool, but models take and give fp16"));
  f = main_function();
  f.values[0].type.buffer = BufferLayout{{32, 32, 32, 1}, {1, 1, 1, 1}};
  EXPECT_THAT(error({.functions = {f}}), HasSubstr("models have no tensor_buffer<fp16"));
  f = main_function();
  f.operations.back().opset = "ios17";
  EXPECT_THAT(error({.functions = {f}}), HasSubstr("an op of ios17 in a function of ios18"));
  f = main_function();
  f.opset = "ios99";
  EXPECT_THAT(error({.functions = {f}}), HasSubstr("models have no opset ios99"));
  f = main_function();
  f.attributes["broken"] = "int32(";
  EXPECT_THAT(error({.functions = {f}}), HasSubstr("function main: broken:1:7: expected a literal"));
}

// ---- Hostile bytes. Messages by hand: a field's key, then its length or number.

std::string varint(uint64_t value) {
  std::string bytes;
  for (; value >= 0x80; value >>= 7) bytes += static_cast<char>((value & 0x7F) | 0x80);
  return bytes + static_cast<char>(value);
}
std::string number(int field, uint64_t value) { return varint(static_cast<uint64_t>(field) << 3) + varint(value); }
std::string message(int field, const std::string& bytes) {
  return varint(static_cast<uint64_t>(field) << 3 | 2) + varint(bytes.size()) + bytes;
}

std::string entry(int field, const std::string& key, const std::string& value) {
  return message(field, message(1, key) + message(2, value));
}
std::string tensor_type(int dtype, const std::vector<uint64_t>& shape) {
  std::string type = number(1, static_cast<uint64_t>(dtype)) + number(2, shape.size());
  for (uint64_t size : shape) type += message(3, message(1, number(1, size)));
  return message(1, type);
}
std::string named(int field, const std::string& name, const std::string& type) {
  return message(field, message(1, name) + message(2, type));
}
std::string value(const std::string& type, const std::string& tensor) {
  return message(2, type) + message(3, message(1, tensor));
}
std::string model_of(const std::string& function) { return message(502, number(1, 1) + entry(2, "main", function)); }
std::string function_of(const std::string& block) {
  return named(1, "x", tensor_type(11, {2})) + message(2, "CoreML8") + entry(3, "CoreML8", block);
}
std::string block_of(const std::string& operation) { return message(2, "x") + message(3, operation); }
std::string const_of(const std::string& type, const std::string& constant) {
  return message(1, "const") + named(3, "c", type) + entry(5, "val", constant);
}

std::string error(const std::string& bytes) {
  const auto model = decode_model(std::as_bytes(std::span(bytes)), "m");
  return model ? "" : model.error().message;
}
std::string operation_error(const std::string& operation) { return error(model_of(function_of(block_of(operation)))); }

TEST(Model, HandWrittenBytesAreRead) {
  EXPECT_EQ(operation_error(message(1, "relu") + message(2, message(1, "x") + message(2, message(1, message(1, "x")))) +
                            named(3, "y", tensor_type(11, {2}))),
            "");
  EXPECT_EQ(
      operation_error(const_of(tensor_type(32, {2}), value(tensor_type(32, {2}), message(2, message(1, "\1\2"))))), "");
}

TEST(Model, OtherModelsAreNamed) {
  EXPECT_THAT(error(""), HasSubstr("m: the model holds no ML program"));
  EXPECT_THAT(error(message(202, "")), HasSubstr("m: the model is a pipeline"));
  EXPECT_THAT(error(message(500, "")), HasSubstr("m: the model is a neural network of layers"));
  EXPECT_THAT(error("version https://git-lfs.github.com/spec/v1\n"), HasSubstr("m is a Git LFS pointer"));
  EXPECT_THAT(error("\xFF\xFF"), HasSubstr("m is no Core ML model: the message is malformed"));
  EXPECT_THAT(error(message(502, number(1, 2))), HasSubstr("m: the program has version 2, expected 1"));
  EXPECT_THAT(error(message(502, number(1, 1))), HasSubstr("m: the program has no function"));
}

TEST(Model, WhatIsWrongInAFunctionIsNamed) {
  EXPECT_THAT(error(model_of(message(2, "CoreML3"))), HasSubstr("m: function main: the opset \"CoreML3\" is unknown"));
  EXPECT_THAT(error(model_of(message(2, "CoreML8"))), HasSubstr("no block for its opset CoreML8"));
  EXPECT_THAT(error(message(502, number(1, 1) + entry(2, "a\nb", ""))), HasSubstr("the name is no identifier"));
  EXPECT_THAT(error(model_of(function_of(message(2, "z")))), HasSubstr("z is not defined before it is used"));
  EXPECT_THAT(error(model_of(function_of(named(1, "i", "")))), HasSubstr("inputs of its own"));
  EXPECT_THAT(error(model_of(function_of("") + named(1, "x", tensor_type(11, {2})))), HasSubstr("x is defined twice"));
  EXPECT_THAT(error(model_of(function_of("") + named(1, "a b", ""))), HasSubstr("\"a b\": a name is"));
  const std::string function = function_of(message(2, "x"));
  EXPECT_THAT(error(message(502, number(1, 1) + entry(2, "f", function) + entry(2, "f", function))),
              HasSubstr("function f stands there twice"));
}

TEST(Model, WhatIsWrongInAnOperationIsNamed) {
  EXPECT_THAT(operation_error(message(1, "cond")),
              HasSubstr("m: function main: operation 0: cond: control flow is not supported"));
  EXPECT_THAT(operation_error(message(1, "relux")), HasSubstr("operation 0: there is no op \"relux\""));
  EXPECT_THAT(operation_error("\x08"), HasSubstr("operation 0: the message is malformed"));
  EXPECT_THAT(operation_error(message(1, "relu") + message(4, "")), HasSubstr("relu: nested blocks"));
  EXPECT_THAT(operation_error(message(1, "relu") + entry(2, "q", "")), HasSubstr("relu: there is no parameter q"));
  EXPECT_THAT(operation_error(message(1, "relu") + entry(2, "x", "")), HasSubstr("relu: parameter x has no value"));
  EXPECT_THAT(operation_error(message(1, "relu") + entry(2, "x", message(1, message(1, "z")))),
              HasSubstr("relu: parameter x: z is not defined before it is used"));
  const std::string x = entry(2, "x", message(1, message(1, "x")));
  EXPECT_THAT(operation_error(message(1, "relu") + x + x), HasSubstr("parameter x is given twice"));
  EXPECT_THAT(operation_error(message(1, "relu") + x + entry(5, "a=b", "")), HasSubstr("the name is no identifier"));
}

TEST(Model, HostileTypesAndValuesAreRefused) {
  const auto constant = [](const std::string& type, const std::string& elements) {
    return operation_error(const_of(type, value(type, elements)));
  };
  const std::string two = tensor_type(11, {2});
  EXPECT_THAT(constant(two, message(1, message(1, "1234"))), HasSubstr("tensor<fp32, [2]> has 1 elements"));
  EXPECT_THAT(constant(two, message(7, message(1, "1234"))), HasSubstr("has 4 bytes, expected 8"));
  EXPECT_THAT(constant(two, message(2, message(1, "12"))), HasSubstr("not stored as its type asks"));
  EXPECT_THAT(constant(tensor_type(22, {1}), message(2, message(1, varint(32768)))),
              HasSubstr("out of the range of int16"));
  EXPECT_THAT(constant(tensor_type(99, {}), ""), HasSubstr("unknown number 99"));
  EXPECT_THAT(constant(tensor_type(11, {uint64_t{1} << 40}), ""), HasSubstr("a dimension is 1099511627776"));
  EXPECT_THAT(constant(tensor_type(11, {0x7FFFFFFF, 0x7FFFFFFF, 0x7FFFFFFF}), ""), HasSubstr("too large"));
  EXPECT_THAT(constant(tensor_type(11, {0x7FFFFFFF, 0}), ""), HasSubstr("2147483647 empty rows"));
  EXPECT_THAT(constant(tensor_type(11, std::vector<uint64_t>(17, 1)), ""), HasSubstr("has 17 dimensions"));
  EXPECT_THAT(constant(message(1, number(1, 11) + number(2, 3)), ""), HasSubstr("has rank 3, but 0 dimensions"));
  EXPECT_THAT(constant(message(1, number(1, 11) + number(2, ~uint64_t{0})), ""), HasSubstr("unknown rank"));
  EXPECT_THAT(constant(tensor_type(2, {2}), message(4, "")), HasSubstr("tensor of strings"));
  EXPECT_THAT(operation_error(const_of(two, value(tensor_type(11, {3}), message(1, "")))),
              HasSubstr("tensor<fp32, [3]> has 0 elements"));
  EXPECT_THAT(operation_error(const_of(two, message(2, two))), HasSubstr("tensor<fp32, [2]> has no value"));
  EXPECT_THAT(operation_error(message(1, "const") + named(3, "c", two)), HasSubstr("c has no val"));
}

// It would not come back the same: from its text, or written again.
TEST(Model, WhatHasNoTextIsRefused) {
  const std::string x = entry(2, "x", message(1, message(1, "x")));
  const std::string one = value(tensor_type(11, {}), message(1, message(1, "1234")));
  EXPECT_THAT(operation_error(message(1, "relu") + x + entry(5, "val", one)), HasSubstr("only a const has"));
  EXPECT_THAT(operation_error(message(1, "relu") + x + entry(5, "x", one)), HasSubstr("parameter x is given twice"));
  const std::string both = entry(2, "x", message(1, message(1, "x")) + message(1, message(1, "x")));
  EXPECT_THAT(operation_error(message(1, "relu") + both), HasSubstr("relu: parameter x takes one value"));
  EXPECT_THAT(error(model_of(function_of(""))), HasSubstr("function main: it has no outputs"));
  EXPECT_THAT(operation_error(const_of(tensor_type(1, {1}), value(tensor_type(1, {1}), message(7, message(1, "\7"))))),
              HasSubstr("not stored as its type asks"));
}

TEST(Model, BitsBehindTheLastElementDoNotCount) {
  const auto nibbles = [](const std::string& bytes) {
    const std::string type = tensor_type(25, {3}), constant = value(type, message(7, message(1, bytes)));
    const std::string message = model_of(function_of(block_of(const_of(type, constant))));
    return *decode_model(std::as_bytes(std::span(message)), "m");
  };
  EXPECT_EQ(nibbles("\x21\xF3"), nibbles("\x21\x03"));
}

TEST(Model, FallbacksAreOfTheTypeThatTheyFill) {
  Model model = *describe({.functions = {main_function()}});
  Feature& scale = model.interfaces["main"].inputs[1];
  scale.dtype = DType::int8;
  for (const auto& [given, stored] : {std::pair(300.0, 127.0), std::pair(double(NAN), 0.0)}) {
    scale.fallback = given;
    EXPECT_EQ(again(model).interfaces["main"].inputs[1].fallback, stored);
  }
}

TEST(Model, TheDefaultFunctionOfSeveralComesBack) {
  Model model = *describe(whole_program());
  model.default_function = "prefill";
  model.interfaces.erase("main");
  model.interfaces.erase("zeroth");
  EXPECT_EQ(again(model), model);
}

TEST(Model, HostileNestingEndsInAnError) {
  std::string lists = tensor_type(11, {});
  for (int i = 0; i < 30; ++i) lists = message(2, message(1, lists) + message(2, message(2, "")));
  EXPECT_THAT(error(message(502, number(1, 1) + entry(4, "a", message(2, lists)))), HasSubstr("more than 16 levels"));
  for (int i = 0; i < 200; ++i) lists = message(2, message(1, lists) + message(2, message(2, "")));
  EXPECT_THAT(error(message(502, number(1, 1) + entry(4, "a", message(2, lists)))), HasSubstr("malformed"));
}

TEST(Model, AMillionEmptyOperationsEndAtTheFirst) {
  std::string block;
  for (int i = 0; i < 1'000'000; ++i) block += message(3, "");
  EXPECT_THAT(error(model_of(function_of(block))), HasSubstr("operation 0: there is no op \"\""));
}

TEST(Model, EveryTruncationAndEveryChangedByteIsSurvived) {
  const auto bytes = *encode_model(*describe(whole_program()));
  for (size_t size = 0; size < bytes.size(); ++size) {
    (void)decode_model(std::span(bytes).first(size), "m");
  }
  for (size_t at = 0; at < bytes.size(); ++at) {
    auto changed = bytes;
    changed[at] ^= std::byte{0x5A};
    if (const auto model = decode_model(changed, "m")) (void)encode_model(*model);
  }
}

}  // namespace
}  // namespace anemone::mil
