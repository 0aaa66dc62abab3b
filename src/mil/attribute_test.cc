#include "mil/attribute.h"

#include <gmock/gmock.h>

namespace anemone::mil {
namespace {

using testing::HasSubstr;

std::string again(std::string_view text) {
  const auto value = parse_attribute(text);
  return value ? to_text(*value) : value.error().message;
}

TEST(Attribute, CanonicalTextComesBackAsItStands) {
  for (const char* text : {
           R"(string("a \"b\"\\\n"))",
           "bool(true)",
           "fp64(0x1.999999999999ap-4)",
           "uint64(18446744073709551615)",
           "int64(-9223372036854775808)",
           "tensor<int4, [2, 2]>([[-8, 7], [0, 1]])",
           "tensor<fp16, [0]>([])",
           "tensor<int32, [2, 0]>([[], []])",
           R"(tensor<string, [2, 1]>([["a"], ["b"]]))",
           R"(list<string, 2>(["all", "cpu"]))",
           "list<int64, ?>([])",
           "dict<string, string>({})",
           R"(dict<string, fp64>({{"k", 0x1p+0}, {"l", -inf}}))",
           R"(tuple<string, int32>(("a", 1)))",
           R"(tuple<dict<string, tensor<int32, [?]>>, dict<string, list<tensor<int32, [2]>, ?>>>(({{"x", [1]}}, {})))",
       }) {
    EXPECT_EQ(again(text), text);
  }
  EXPECT_EQ(again(kBuildInfo), kBuildInfo);
}

TEST(Attribute, OtherSpellingsBecomeCanonical) {
  EXPECT_EQ(again(R"(dict<tensor<string, []>,tensor<string,[]>>( { {"a" ,"b"} } ) )"),
            R"(dict<string, string>({{"a", "b"}}))");
  EXPECT_EQ(again("tensor<fp16,[2,2]>([1, 1.5e0, 0x1p-1, -0])"),
            "tensor<fp16, [2, 2]>([[0x1p+0, 0x1.8p+0], [0x1p-1, -0x0p+0]])");
}

TEST(Attribute, WhatIsWrongIsNamed) {
  const std::pair<std::string, std::string> cases[] = {
      {"", "expected a type"},
      {"state<tensor<fp16, [1]>>([1])", "attributes hold no states"},
      {"int32(1) x", "expected the end, found \"x\""},
      {"int32(1", "expected \")\""},
      {"int8(128)", "expected a value of int8"},
      {"string(a)", "expected a string"},
      {"tensor<string, [2]>([\"a\"])", "dimension 0 is 2, but has 1"},
      {"tensor<int32, [?, ?]>([[1, 2], [3]])", "dimension 1 is 2, but has 1"},
      {"tensor<int32, [?, ?]>([])", "dimensions must be known"},
      {"tensor<int32, [2147483647, 2147483647, 2147483647]>([1])", "is too large"},
      {"list<int32, 2>([1])", "list<int32, 2> has 1 elements"},
      {"list<int32, 2>([1, 2, 3])", "list<int32, 2> has more elements"},
      {"list<int32, -1>([])", "expected a dimension"},
      {"tuple<int32>((1, 2))", "tuple<int32> has more elements"},
      {"tuple<int32, int32>((1))", "has 1 elements"},
      {"dict<int32>({})", "dict takes the types"},
      {"dict<int32, int32>({{1}})", "expected \",\""},
      {"fp16(BLOBFILE(path = string(\"a\"), offset = uint64(64)))", "expected a value of fp16"},
  };
  for (const auto& [text, message] : cases) EXPECT_THAT(again(text), HasSubstr(message)) << text;
}

TEST(Attribute, HostileNestingEndsInAnError) {
  std::string lists, dimensions = "tensor<int32, [", brackets;
  for (int i = 0; i < 1'000'000; ++i) {
    lists += "list<";
    dimensions += "?,";
    brackets += "[";
  }
  EXPECT_THAT(again(lists), HasSubstr("more than 16 levels"));
  EXPECT_THAT(again(dimensions + "?]>(" + brackets), HasSubstr("more than 16 dimensions"));
  EXPECT_THAT(again("list<int32, ?>(" + brackets), HasSubstr("nested too deeply"));
}

}  // namespace
}  // namespace anemone::mil
