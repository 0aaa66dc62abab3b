// Checking of programs from outside, which may be hostile: it takes no longer, and no more memory, than a small
// multiple of their text.
#include "mil/inference.h"

#include <gmock/gmock.h>

#include <chrono>

#include "mil/parser.h"

namespace anemone::mil {
namespace {

using testing::HasSubstr;
using testing::StartsWith;

std::string error_of(std::string_view inputs, std::string_view statements) {
  auto program = parse(
      fmt::format("program(1.3)\n{{\nfunc main<ios18>({}) {{\n{}\n}} -> (y);\n}}\n", inputs, statements), "p.mil");
  EXPECT_TRUE(program) << program.error().message;
  const auto checked = program ? check(program->functions.at(0), nullptr, "p.mil") : Result<>();
  return checked ? "" : checked.error().message;
}

TEST(Check, InputsThatNoMemoryHoldsAreRefused) {
  EXPECT_EQ(error_of("tensor<fp16, [2147483647, 2147483647, 2147483647]> x",
                     "tensor<fp16, [2147483647, 2147483647, 2147483647]> y = relu(x = x);"),
            "p.mil: x: tensor<fp16, [2147483647, 2147483647, 2147483647]> is too large");
}

// What depends on unknown dimensions keeps the type that it declares.
TEST(Check, DeclaredTypesThatNoMemoryHoldsAreRefused) {
  EXPECT_THAT(error_of("tensor<fp16, [?]> x", "tensor<fp16, [2147483647, 2147483647, ?]> y = relu(x = x);"),
              StartsWith("p.mil:4:"));
  EXPECT_EQ(error_of("tensor<fp16, [?]> x", "tensor<fp16, [65536, 65536, ?]> y = relu(x = x);"), "");
}

TEST(Check, ASettingOfVeryManyNumbersIsRefused) {
  std::string ones = "1";
  for (int i = 1; i < 5000; ++i) ones += ",1";
  EXPECT_THAT(error_of("fp16 x", fmt::format("tensor<int32, [5000]> s = const()[val = tensor<int32, [5000]>([{}])];\n"
                                             "fp16 y = reshape(x = x, shape = s);",
                                             ones)),
              HasSubstr("reshape: parameter shape is tensor<int32, [5000]>, expected at most 4096 numbers"));
}

// Each of these would take gigabytes, or hours, if it were computed while the program is checked.
TEST(Check, LargeConstantsAreNotWorkedOut) {
  const auto start = std::chrono::steady_clock::now();
  const std::string empty = "tensor<fp32, [2147483647, 0]> c = const()[val = tensor<fp32, [2147483647, 0]>([])];\n";
  for (const char* operation :
       {"tensor<int32, [2147483647, 0]> y = argsort(x = c, axis = int32(0));",
        "tensor<fp32, [2147483647, 0]> y = softmax(x = c, axis = int32(0));",
        "tensor<fp32, [0, 2147483647]> y = transpose(x = c, perm = tensor<int32, [2]>([1, 0]));"}) {
    EXPECT_EQ(error_of("fp32 x", empty + operation), "");
  }
  std::string products =
      "tensor<fp32, [1, 1, 1]> one = const()[val = tensor<fp32, [1, 1, 1]>([1])];\n"
      "tensor<fp32, [1, 1, 4096]> w = tile(x = one, reps = tensor<int32, [3]>([1, 1, 4096]));\n";
  for (int i = 0; i < 3000; ++i) {
    products += fmt::format(
        "tensor<fp32, [1, 1, 4096]> {} = conv(x = w, weight = w, strides = tensor<int32, [1]>([1]), "
        "pad_type = string(\"same\"), pad = tensor<int32, [2]>([0, 0]), dilations = "
        "tensor<int32, [1]>([1]), groups = int32(1));\n",
        i == 0 ? "y" : fmt::format("v{}", i));
  }
  EXPECT_EQ(error_of("fp32 x", products), "");
  const std::chrono::duration<double> time = std::chrono::steady_clock::now() - start;
  EXPECT_LT(time.count(), 10) << "fifty times what a quiet machine may take";
}

TEST(Check, ShapesAreStillWorkedOut) {
  EXPECT_EQ(error_of("tensor<fp16, [2, 3]> x",
                     "tensor<int32, [2]> s = shape(x = x);\n"
                     "tensor<int32, [2]> r = reverse(x = s);\n"
                     "tensor<fp16, [3, 2]> y = reshape(x = x, shape = r);"),
            "");
}

}  // namespace
}  // namespace anemone::mil
