#include "device/sim/limits.h"

#include <fmt/format.h>
#include <gmock/gmock.h>

#include "device/host_surface.h"
#include "mil/inference.h"
#include "mil/parser.h"

namespace anemone::sim {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::StartsWith;

mil::Function parsed(const std::string& text) {
  mil::Program program = mil::parse(fmt::format("program(1.3)\n{{\n{}\n}}", text), "p.mil").value();
  EXPECT_TRUE(mil::check(program.functions[0]));
  return std::move(program.functions[0]);
}

mil::Function unary(const std::string& op) {
  return parsed(
      fmt::format("func main<ios18>(tensor<fp16, [1, 64, 1, 512]> a) {{\n"
                  "tensor<fp16, [1, 64, 1, 512]> b = {}(x = a);\n}} -> (b);",
                  op));
}

mil::Function product(int64_t contracted) {
  return parsed(
      fmt::format("func main<ios18>(tensor<fp16, [1, 1, 32, {0}]> a) {{\n"
                  "bool f = const()[val = bool(false)]; bool t = const()[val = bool(true)];\n"
                  "tensor<fp16, [1, 1, 32, 32]> h = matmul(x = a, y = a, transpose_x = f, transpose_y = "
                  "t)[name = string(\"scores\")];\n}} -> (h);",
                  contracted));
}

Limits limits_of(std::string_view profile, bool strict = false) {
  return {mil::parse_profile(profile).value(), strict};
}

std::string compile_error(std::string_view profile, const mil::Function& function, bool strict = false) {
  const Result<> result = limits_of(profile, strict).check_compile(function, {});
  return result ? "" : result.error().message;
}

TEST(LimitsCompile, AnErrorSaysWhatWhereAndWhatToDo) {
  EXPECT_EQ(compile_error("m4", product(32800)),
            "C12 on m4: scores of main at 5:34: matmul: it contracts 32800, but a matmul contracts at most 32768 "
            "elements: split the contraction and add the parts (751K (M4, M6))");
  EXPECT_EQ(compile_error("m4", product(32768)), "");
}

TEST(LimitsCompile, RulesHoldForTheirChipAndPath) {
  EXPECT_THAT(compile_error("m1", unary("sin")), StartsWith("C35 on m1: "));
  EXPECT_EQ(compile_error("m4", unary("sin")), "");
  EXPECT_THAT(compile_error("m4", unary("tan")), StartsWith("C15 on m4: "));
  EXPECT_EQ(compile_error("m4:coreml", unary("tan")), "") << "it runs elsewhere";
}

TEST(LimitsCompile, DisputedRulesAreForTheStrict) {
  EXPECT_EQ(compile_error("m4", unary("gelu")), "");
  EXPECT_THAT(compile_error("m4", unary("gelu"), true),
              AllOf(StartsWith("C21 on m4: "), HasSubstr("(Orion; disputed: dev-erik")));
  EXPECT_EQ(compile_error("m4", unary("relu"), true), "");
}

// Small surfaces are mended by larger ones: not the compiler's matter.
TEST(LimitsCompile, RulesOfSurfacesWaitForThem) {
  const auto small = parsed(
      "func main<ios18>(tensor<fp16, [1, 64, 1, 32]> a) { tensor<fp16, [1, 64, 1, 32]> b = relu(x = a); } -> (b);");
  EXPECT_EQ(compile_error("m4", small, true), "");
}

TEST(LimitsBudget, ProgramsThatAreFreedMakeRoom) {
  Limits limits = limits_of("m4");
  const mil::Function function = unary("relu");
  for (int i = 0; i < 119; ++i) {
    EXPECT_EQ(limits.compiles_left(), 119 - i);
    ASSERT_TRUE(limits.check_compile(function, {}));
    limits.loaded();
  }
  EXPECT_EQ(limits.compiles_left(), 0);
  for (int i = 0; i < 2; ++i) {
    const Result<> spent = limits.check_compile(function, {});
    ASSERT_FALSE(spent);
    EXPECT_THAT(spent.error().message,
                StartsWith("C03 on m4: 119 programs are loaded, but a process holds at most 119 programs loaded: free "
                           "programs, or go on in a new process from a checkpoint (--save-every, --resume) ("));
  }
  limits.unloaded();
  EXPECT_EQ(limits.compiles_left(), 1);
  EXPECT_TRUE(limits.check_compile(function, {}));
}

TEST(LimitsBudget, TheStrictCountFreedOnesToo) {
  Limits limits = limits_of("m4", true);
  const mil::Function function = unary("relu");
  EXPECT_FALSE(limits.check_compile(unary("gelu"), {}));  // what is refused is not counted
  for (int i = 0; i < 119; ++i) ASSERT_TRUE(limits.check_compile(function, {})) << i;
  EXPECT_EQ(limits.compiles_left(), 0);
  const Result<> spent = limits.check_compile(function, {});
  ASSERT_FALSE(spent);
  EXPECT_THAT(spent.error().message, StartsWith("C03 on m4: 119 programs were compiled, but "));
}

TEST(LimitsBudget, CoreMLHoldsMore) {
  Limits limits = limits_of("m4:coreml", true);
  EXPECT_EQ(limits.compiles_left(), 128);
  for (int i = 0; i < 127; ++i) limits.loaded();
  EXPECT_TRUE(limits.check_compile(unary("relu"), {}));
  limits.loaded();
  EXPECT_FALSE(limits.check_compile(unary("relu"), {}));
}

// Inputs and outputs named by letters, 48 KiB each, and surfaces of these sizes bound to them.
struct Bound {
  std::string inputs, outputs;
  std::vector<size_t> input_bytes, output_bytes;
  RequestOptions options{};
};

constexpr size_t kTensor = 49152;

std::vector<Port> ports_of(const std::string& names) {
  std::vector<Port> ports;
  for (const char name : names) ports.push_back({std::string(1, name), {mil::DType::fp16, {1, 48, 512}}});
  return ports;
}

std::string bind_error(std::string_view profile, const Bound& bound, bool strict) {
  std::vector<std::unique_ptr<Surface>> kept;
  const auto surfaces = [&](const std::vector<size_t>& sizes) {
    std::vector<Surface*> list;
    for (size_t bytes : sizes) list.push_back(kept.emplace_back(std::make_unique<HostSurface>(bytes)).get());
    return list;
  };
  const Signature signature{ports_of(bound.inputs), ports_of(bound.outputs)};
  const auto inputs = surfaces(bound.input_bytes), outputs = surfaces(bound.output_bytes);
  const Result<> result = limits_of(profile, strict).check_bind(signature, inputs, outputs, bound.options);
  return result ? "" : result.error().message;
}

TEST(LimitsBind, SizesAndOrdersAreForTheStrict) {
  const Bound right{"ab", "cd", {kTensor, kTensor}, {kTensor, kTensor}};
  EXPECT_EQ(bind_error("m4-max", right, true), "");
  struct Case {
    const char* rule;
    Bound bound;
  };
  const std::vector<Case> cases{
      {"S06", {"ab", "cd", {kTensor, kTensor + 64}, {kTensor, kTensor}}},
      {"S06", {"ba", "cd", {kTensor, kTensor}, {kTensor, kTensor}}},
      {"S07", {"ab", "cd", {kTensor, kTensor}, {kTensor + 64, kTensor}}},
      {"S07", {"ab", "dc", {kTensor, kTensor}, {kTensor, kTensor}}},
  };
  for (const Case& c : cases) {
    EXPECT_THAT(bind_error("m4-max", c.bound, true), StartsWith(fmt::format("{} on m4-max: ", c.rule)));
    EXPECT_EQ(bind_error("m4-max", c.bound, false), "") << c.rule;
  }
}

TEST(LimitsBind, TheSmallestSurfaceMayHoldASmallTensor) {
  const Signature signature{{{"a", {mil::DType::fp16, {1, 32}}}}, {}};
  HostSurface enough(49152), small(49151), tiny(2047);
  EXPECT_TRUE(limits_of("m4", true).check_bind(signature, {&enough}, {}, {}));
  EXPECT_TRUE(limits_of("m4").check_bind(signature, {&tiny}, {}, {}));
  const Result<> refused = limits_of("m4", true).check_bind(signature, {&small}, {}, {});
  ASSERT_FALSE(refused);
  EXPECT_THAT(refused.error().message, AllOf(StartsWith("S04 on m4: a: it has 49151 bytes, but "), HasSubstr("0x1d")));
  EXPECT_TRUE(limits_of("m1", true).check_bind(signature, {&small}, {}, {}));
  EXPECT_FALSE(limits_of("m1", true).check_bind(signature, {&tiny}, {}, {}));
}

TEST(LimitsBind, OnM1SizesDecideTheOrder) {
  const Bound rising{"ba", "dc", {kTensor, kTensor + 64}, {kTensor + 64, kTensor}};
  EXPECT_EQ(bind_error("m1", rising, true), "");
  const Bound falling{"ab", "cd", {kTensor + 64, kTensor}, {kTensor + 64, kTensor}};
  EXPECT_THAT(bind_error("m1", falling, false), StartsWith("S06 on m1: b: it has 49152 bytes and stands behind a of "));
  const Bound outputs{"ab", "cd", {kTensor, kTensor}, {kTensor, kTensor + 64}};
  EXPECT_THAT(bind_error("m1", outputs, false), StartsWith("S07 on m1: d: "));
  EXPECT_EQ(bind_error("m1:coreml", falling, true), "") << "Core ML binds by name";
}

TEST(LimitsBind, AWeightsSurfaceIsTakenAndQualitiesAreSixtyFour) {
  HostSurface weights(64);
  Bound bound{"a", "b", {kTensor}, {kTensor}, {.qos = 63, .weights = &weights}};
  EXPECT_EQ(bind_error("m4", bound, true), "");
  bound.options.qos = 0;
  EXPECT_EQ(bind_error("m4", bound, true), "");
  bound.options.qos = 64;
  EXPECT_EQ(bind_error("m4", bound, false),
            "there is no quality of service 64: give one from 0 to 63, all of which do the same on the engine");
}

TEST(LimitsBind, SurfacesMustHoldTheirTensors) {
  EXPECT_THAT(bind_error("m4", {"a", "b", {kTensor - 1}, {kTensor}}, false), HasSubstr("needs 49152 bytes"));
  EXPECT_THAT(bind_error("m4", {"a", "b", {}, {kTensor}}, false), HasSubstr("1 inputs, but 0 surfaces"));
}

TEST(LimitsRun, AProgramOfOneFunctionHasSixteenIndices) {
  Limits limits = limits_of("m4");
  EXPECT_TRUE(limits.check_run({.procedure = 15}));
  const Result<> result = limits.check_run({.procedure = 16});
  ASSERT_FALSE(result);
  EXPECT_THAT(result.error().message,
              AllOf(StartsWith("S09 on m4: procedure 16 was asked for, but "), HasSubstr("0x2")));
  EXPECT_TRUE(limits.check_run({})) << "that a failure poisons the engine is disputed";
}

TEST(LimitsRun, WhereStrictAFailurePoisonsTheEngine) {
  Limits limits = limits_of("m4", true);
  EXPECT_TRUE(limits.check_run({}));
  EXPECT_FALSE(limits.check_run({.procedure = 16}));
  const Result<> result = limits.check_run({});
  ASSERT_FALSE(result);
  EXPECT_THAT(result.error().message, AllOf(StartsWith("C27 on m4: "), HasSubstr("0x1d")));
}

}  // namespace
}  // namespace anemone::sim
