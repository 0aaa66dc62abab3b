// Each rule with a program that breaks it and one that just does not.
#include "mil/engine_rules.h"

#include <gmock/gmock.h>

#include <set>

#include "mil/inference.h"
#include "mil/parser.h"

namespace anemone::mil {
namespace {

using testing::Contains;
using testing::HasSubstr;
using testing::Not;

std::vector<Finding> findings(const std::string& function, std::string_view chip) {
  auto program = parse(fmt::format("program(1.3)\n{{\n{}\n}}", function), "p.mil");
  EXPECT_TRUE(program) << program.error().message;
  if (!program) return {};
  const auto checked = check(program->functions[0], nullptr, "p.mil");
  EXPECT_TRUE(checked) << checked.error().message << function;
  if (!checked) return {};
  static std::vector<Program> kept;  // findings name what stands in them
  kept.push_back(*std::move(program));
  return engine_findings(kept.back().functions[0], *parse_chip(chip));
}

std::set<std::string> ids(const std::vector<Finding>& findings) {
  std::set<std::string> ids;
  for (const Finding& finding : findings) ids.emplace(finding.rule->id);
  return ids;
}

struct RuleCase {
  std::string id, chip;
  std::string breaks, keeps;  // functions
};
void PrintTo(const RuleCase& rule_case, std::ostream* out) { *out << rule_case.id << " on " << rule_case.chip; }

// A function of one input `a` and the output of `statement`.
std::string one(const std::string& input, const std::string& statement) {
  return fmt::format("func main<ios18>({} a) {{ {} }} -> (b);", input, statement);
}

std::string shaped(const std::string& shape) { return fmt::format("tensor<fp16, {}>", shape); }

std::string unary(const std::string& op, const std::string& shape = "[1, 64, 1, 512]") {
  return one(shaped(shape), fmt::format("{} b = {}(x = a);", shaped(shape), op));
}

std::string convolution(int height, int width) {
  return one(shaped("[1, 2, 40, 40]"),
             fmt::format("tensor<fp16, [2, 2, {0}, {1}]> w = const()[val = tensor<fp16, [2, 2, {0}, "
                         "{1}]>(BLOBFILE(path = string(\"@model_path/w.bin\"), offset = uint64(64)))];\n"
                         "tensor<fp16, [1, 2, {2}, {3}]> b = conv(x = a, weight = w);",
                         height, width, 41 - height, 41 - width));
}

std::string pool(int width) {
  return one(shaped("[1, 2, 1, 40]"),
             fmt::format("tensor<fp16, [1, 2, 1, {}]> b = max_pool(x = a, kernel_sizes = tensor<int32, [2]>([1, {}]), "
                         "pad_type = string(\"valid\"));",
                         41 - width, width));
}

std::string product(int64_t contracted) {
  return one(shaped(fmt::format("[1, 1, 2, {}]", contracted)),
             "tensor<fp16, [1, 1, 2, 2]> b = matmul(x = a, y = a, transpose_y = bool(true));");
}

std::string topk(int k) {
  return one(
      shaped("[1, 1, 1, 32]"),
      fmt::format("tensor<fp16, [1, 1, 1, {0}]> b, tensor<int32, [1, 1, 1, {0}]> i = topk(x = a, k = int32({0}), "
                  "axis = int32(-1));",
                  k));
}

std::string chain(int length) {
  std::string text = "func main<ios18>(tensor<fp16, [1, 64, 1, 512]> v0) {\n";
  for (int i = 1; i <= length; ++i) {
    text += fmt::format("tensor<fp16, [1, 64, 1, 512]> v{} = relu(x = v{});\n", i, i - 1);
  }
  return text + fmt::format("}} -> (v{});", length);
}

std::string two_inputs(const std::string& first, const std::string& second, const std::string& second_shape) {
  return fmt::format(
      "func main<ios18>(tensor<fp16, [1, 64, 1, 512]> {0}, tensor<fp16, {2}> {1}) {{ tensor<fp16, [1, 64, 1, 512]> b = "
      "add(x = {0}, y = {1}); }} -> (b);",
      first, second, second_shape);
}

std::string two_outputs(const std::string& first, const std::string& second) {
  return fmt::format(
      "func main<ios18>(tensor<fp16, [1, 64, 1, 512]> a) {{ tensor<fp16, [1, 64, 1, 512]> {0} = relu(x = a); "
      "tensor<fp16, [1, 64, 1, 512]> {1} = abs(x = a); }} -> ({0}, {1});",
      first, second);
}

std::string weights(const std::string& first, const std::string& second, int offset) {
  const auto constant = [](const std::string& name, const std::string& file, int at) {
    return fmt::format(
        "tensor<fp16, [1, 64, 1, 1]> {} = const()[val = tensor<fp16, [1, 64, 1, 1]>(BLOBFILE(path = "
        "string(\"@model_path/{}.bin\"), offset = uint64({})))];\n",
        name, file, at);
  };
  return one(shaped("[1, 64, 1, 512]"), constant("w1", first, 64) + constant("w2", second, offset) +
                                            "tensor<fp16, [1, 64, 1, 512]> c = mul(x = a, y = w1);\n"
                                            "tensor<fp16, [1, 64, 1, 512]> b = mul(x = c, y = w2);");
}

std::string reduced_times(const std::string& factor) {
  return one(shaped("[1, 64, 1, 512]"),
             "tensor<fp16, [1, 1, 1, 512]> s = reduce_sum(x = a, axes = tensor<int32, [1]>([1]), keep_dims = "
             "bool(true));\n tensor<fp16, [1, 1, 1, 512]> b = mul(x = s, y = fp16(" +
                 factor + "));");
}

std::string divided(const std::string& op) {
  return one(shaped("[1, 64, 1, 512]"), fmt::format("tensor<fp16, [1, 64, 1, 512]> s = {}(x = a);\n"
                                                    "tensor<fp16, [1, 64, 1, 512]> b = real_div(x = a, y = s);",
                                                    op));
}

std::string sliced(int column) {
  return one(shaped("[1, 64, 1, 512]"), fmt::format("tensor<fp16, [1, 64, 1, 256]> b = slice_by_size(x = a, begin = "
                                                    "tensor<int32, [4]>([0, 0, 0, {}]), size = tensor<int32, [4]>([1, "
                                                    "64, 1, 256]));",
                                                    column));
}

std::string normalised(int channels) {
  const std::string shape = fmt::format("[1, {}, 4, 32]", channels);
  return one(shaped(shape), fmt::format("{} b = local_response_norm(x = a, size = int32(3));", shaped(shape)));
}

std::string softmax(int columns) {
  const std::string shape = fmt::format("[1, 64, 1, {}]", columns);
  return one(shaped(shape), fmt::format("{} b = softmax(x = a, axis = int32(-1));", shaped(shape)));
}

std::string attention(const std::string& mask) {
  const std::string shape = "tensor<fp16, [1, 2, 32, 64]>";
  return fmt::format(
      "func main<ios18>({0} a, tensor<fp16, [1, 1, 32, 32]> m) {{ {0} b = scaled_dot_product_attention(query = a, key "
      "= "
      "a, value = a{1}); }} -> (b);",
      shape, mask);
}

std::string run_time_weight(const std::string& op) {
  return op == "conv" ? "func main<ios18>(tensor<fp16, [1, 2, 1, 32]> a, tensor<fp16, [2, 2, 1, 1]> w) { tensor<fp16, "
                        "[1, 2, 1, 32]> b = conv(x = a, weight = w); } -> (b);"
                      : product(32);
}

std::string biased(const std::string& bias) {
  return one(
      shaped("[1, 1, 1, 32]"),
      fmt::format("tensor<fp16, [1, 1, 1, 32]> b = conv(x = a, weight = tensor<fp16, [1, 1, 1, 1]>([1]){});", bias));
}

std::string named(const std::string& name) {
  return fmt::format(
      "func main<ios18>(tensor<fp16, [1, 64, 1, 512]> {0}) {{ tensor<fp16, [1, 64, 1, 512]> b = relu(x = "
      "{0}); }} -> (b);",
      name);
}

std::string inline_or_named(bool in_place) {
  const std::string constant = in_place ? "" : "int32 axis = const()[val = int32(-1)];\n";
  return one(shaped("[1, 64, 1, 512]"), fmt::format("{}tensor<fp16, [1, 64, 1, 512]> b = softmax(x = a, axis = {});",
                                                    constant, in_place ? "int32(-1)" : "axis"));
}

const std::string kConcat =
    one(shaped("[1, 64, 1, 512]"), "tensor<fp16, [1, 128, 1, 512]> b = concat(values = (a, a), axis = int32(1));");
const std::string kTile =
    one(shaped("[1, 64, 1, 512]"),
        "tensor<fp16, [1, 64, 1, 1024]> b = tile(x = a, reps = tensor<int32, [4]>([1, 1, 1, 2]));");
const std::string kInt32 =
    "func main<ios18>(tensor<int32, [1, 64, 1, 512]> a) { tensor<int32, [1, 64, 1, 512]> b = "
    "add(x = a, y = a); } -> (b);";
const std::string kRunTimeSlice =
    "func main<ios18>(tensor<fp16, [1, 64, 1, 512]> a, tensor<int32, [4]> i) { tensor<fp16, [1, 64, 1, 256]> b = "
    "slice_by_size(x = a, begin = i, size = tensor<int32, [4]>([1, 64, 1, 256])); } -> (b);";

std::vector<RuleCase> cases() {
  return {
      {"S01", "m4", unary("relu", "[2, 64, 1, 512]"), unary("relu")},
      {"S02", "m4", one("tensor<fp32, [1, 64, 1, 512]>", "tensor<fp32, [1, 64, 1, 512]> b = relu(x = a);"),
       unary("relu")},
      {"S02", "m1", one("tensor<fp32, [1, 64, 1, 512]>", "tensor<fp32, [1, 64, 1, 512]> b = relu(x = a);"),
       unary("relu")},
      {"S04", "m4-max", unary("relu", "[1, 47, 1, 512]"), unary("relu", "[1, 48, 1, 512]")},
      {"S05", "m5", unary("relu", "[1, 768, 1, 96]"), unary("relu", "[1, 768, 1, 128]")},
      {"S06", "m4", two_inputs("c", "a", "[1, 64, 1, 512]"), two_inputs("a", "c", "[1, 64, 1, 512]")},
      {"S06", "m4", two_inputs("a", "c", "[1, 64, 1, 1]"), two_inputs("a", "c", "[1, 64, 1, 512]")},
      {"S07", "m4", two_outputs("z", "c"), two_outputs("c", "z")},
      {"S10", "m4", unary("relu", "[1, 1, 1, 65568]"), unary("relu", "[1, 1, 1, 65536]")},
      {"S10", "m4", unary("relu", "[1, 1, 1, 1, 2, 32]"), unary("relu", "[1, 1, 1, 2, 32]")},
      {"S10", "m1", unary("relu", "[1, 1, 1, 16416]"), unary("relu", "[1, 16416, 1, 16384]")},
      {"S10", "m3-ultra", unary("relu", "[1, 1, 1, 16416]"), unary("relu", "[1, 1, 1, 16384]")},
      {"C07", "m1", weights("w", "w", 256), weights("w", "v", 64)},
      {"C10", "m4", convolution(1, 16), convolution(1, 15)},
      {"C10", "m4", convolution(32, 1), convolution(31, 1)},
      {"C10", "m1", convolution(1, 14), convolution(1, 13)},
      {"C11", "m4", pool(9), pool(8)},
      {"C12", "m4", product(32769), product(32768)},
      {"C14", "m4", kInt32, unary("relu")},
      {"C15", "m4", unary("tan"), unary("sin")},
      {"C15", "m4", kRunTimeSlice, sliced(32)},
      {"C16", "m4", topk(3), topk(5)},
      {"C17", "m4", chain(384), chain(383)},
      {"C19", "m4-max", kConcat, unary("relu")},
      {"C20", "m4", attention(", attn_mask = m"), attention("")},
      {"C21", "m4", unary("gelu"), unary("relu")},
      {"C22", "m1", unary("rsqrt"), unary("sqrt")},
      {"C23", "m4", softmax(96), softmax(128)},
      {"C24", "m4", run_time_weight("conv"), run_time_weight("matmul")},
      {"C25", "m4", biased(", bias = tensor<fp16, [1]>([1])"), biased("")},
      {"C26", "m4", inline_or_named(true), inline_or_named(false)},
      {"C27", "m4", kTile, unary("relu")},
      {"C28", "m4", reduced_times("0"), reduced_times("1")},
      {"C29", "m1", divided("sqrt"), divided("exp")},
      {"C30", "m1", product(48), product(64)},
      {"C31", "m1", named("mean"), named("a")},
      {"C32", "m1", sliced(32), sliced(0)},
      {"C33", "m4-max", convolution(1, 1), unary("relu")},
      {"C34", "m4", normalised(16), normalised(15)},
      {"C35", "m1", unary("sin"), unary("exp")},
  };
}

class EngineRules : public testing::TestWithParam<RuleCase> {};

TEST_P(EngineRules, FindWhatBreaksThemAndNothingElse) {
  const RuleCase& rule = GetParam();
  EXPECT_THAT(ids(findings(rule.breaks, rule.chip)), Contains(rule.id)) << rule.breaks;
  EXPECT_THAT(ids(findings(rule.keeps, rule.chip)), Not(Contains(rule.id))) << rule.keeps;
}

INSTANTIATE_TEST_SUITE_P(Catalogue, EngineRules, testing::ValuesIn(cases()));

TEST(EngineRules, EachHasACase) {
  std::set<std::string> covered;
  for (const RuleCase& rule : cases()) covered.insert(rule.id);
  for (const EngineRule& rule : engine_rules()) EXPECT_THAT(covered, Contains(std::string(rule.id)));
}

TEST(EngineRules, DisputedOnesWarn) {
  for (const Finding& finding : findings(unary("gelu", "[2, 1]"), "m4")) {
    EXPECT_EQ(finding.severity, finding.rule->disputed ? Severity::warning : Severity::error) << finding.rule->id;
    EXPECT_NE(finding.rule->source, "");
  }
}

TEST(EngineRules, AFindingNamesItsPlace) {
  const auto found = findings(
      "func main<ios18>(tensor<fp16, [1, 64, 1, 512]> a) {\n  tensor<fp16, [1, 64, 1, 512]> b = "
      "tan(x = a)[name = string(\"tangent\")];\n} -> (b);",
      "m4");
  ASSERT_EQ(found.size(), 1u);
  EXPECT_EQ(found[0].subject, "tangent");
  EXPECT_EQ(found[0].function, "main");
  EXPECT_EQ(found[0].location.line, 4);
  EXPECT_THAT(found[0].message, HasSubstr("tan: the engine does not implement it"));
}

TEST(EngineRules, WhatIsConstantIsNoConcernOfTheEngine) {
  EXPECT_THAT(ids(findings(one(shaped("[1, 64, 1, 512]"),
                               "int32 n = add(x = int32(1), y = int32(2));\n"
                               "tensor<fp16, [1, 64, 1, 512]> b = relu(x = a);"),
                           "m4")),
              Not(Contains("C14")));
}

TEST(EngineRules, WhatDependsOnUnknownDimensionsIsPassedOver) {
  EXPECT_THAT(ids(findings("func main<ios18>(tensor<fp16, [?]> a, tensor<fp16, [1, 4, 1, 4]> c) {\n"
                           "tensor<int32, [1]> k = shape(x = a);\n"
                           "tensor<fp16, [1, 4, 1, 3]> v, tensor<int32, [1, 4, 1, 3]> i = topk(x = c, k = k);\n"
                           "} -> (v);",
                           "m4")),
              Not(Contains("C16")));
}

TEST(Chips, AreKnownByName) {
  for (const std::string& name : chip_names()) EXPECT_TRUE(parse_chip(name)) << name;
  EXPECT_FALSE(parse_chip("m2"));
}

}  // namespace
}  // namespace anemone::mil
