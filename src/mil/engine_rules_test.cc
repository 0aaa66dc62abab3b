// Each rule with a program that breaks it and one that just does not.
#include "mil/engine_rules.h"

#include <gmock/gmock.h>

#include <set>

#include "mil/engine/device_rules.h"
#include "mil/inference.h"
#include "mil/parser.h"

namespace anemone::mil {
namespace {

using testing::Contains;
using testing::HasSubstr;
using testing::Not;

std::vector<Finding> findings(const std::string& function, std::string_view profile, bool strict = false) {
  auto program = parse(fmt::format("program(1.3)\n{{\n{}\n}}", function), "p.mil");
  EXPECT_TRUE(program) << program.error().message;
  if (!program) return {};
  const auto checked = check(program->functions[0], nullptr, "p.mil");
  EXPECT_TRUE(checked) << checked.error().message << function;
  if (!checked) return {};
  static std::vector<Program> kept;  // findings name what stands in them
  kept.push_back(*std::move(program));
  return engine_findings(kept.back().functions[0], parse_profile(profile).value(), nullptr, strict);
}

// Of the rules that are broken at least as badly as `least`.
std::set<std::string> ids(const std::vector<Finding>& findings, Severity least = Severity::note) {
  std::set<std::string> ids;
  for (const Finding& finding : findings) {
    if (finding.severity <= least) ids.emplace(finding.rule->id);
  }
  return ids;
}

// How badly a rule is broken.
Severity worst(const std::vector<Finding>& findings, std::string_view id) {
  Severity worst = Severity::note;
  for (const Finding& finding : findings) {
    if (finding.rule->id == id) worst = std::min(worst, finding.severity);
  }
  return worst;
}

struct RuleCase {
  std::string id, profile;
  std::string breaks, keeps;  // functions
};
void PrintTo(const RuleCase& rule_case, std::ostream* out) { *out << rule_case.id << " on " << rule_case.profile; }

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

std::string pointwise(int channels) {
  return one(
      shaped(fmt::format("[1, {}, 1, 512]", channels)),
      fmt::format("tensor<fp16, [32, {0}, 1, 1]> w = const()[val = tensor<fp16, [32, {0}, 1, 1]>(BLOBFILE(path = "
                  "string(\"@model_path/w.bin\"), offset = uint64(64)))];\n"
                  "tensor<fp16, [1, 32, 1, 512]> b = conv(x = a, weight = w);",
                  channels));
}

std::string pool(int height, int width, const std::string& op = "max_pool") {
  return one(shaped("[1, 2, 40, 40]"),
             fmt::format("tensor<fp16, [1, 2, {}, {}]> b = {}(x = a, kernel_sizes = tensor<int32, [2]>([{}, {}]), "
                         "pad_type = string(\"valid\"));",
                         41 - height, 41 - width, op, height, width));
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

// The first of `columns` columns.
std::string two_outputs(const std::string& first, const std::string& second, int columns = 512) {
  return fmt::format(
      "func main<ios18>(tensor<fp16, [1, 64, 1, 512]> a) {{ tensor<fp16, [1, 64, 1, {2}]> {0} = slice_by_size(x = a, "
      "begin = tensor<int32, [4]>([0, 0, 0, 0]), size = tensor<int32, [4]>([1, 64, 1, {2}])); "
      "tensor<fp16, [1, 64, 1, 512]> {1} = abs(x = a); }} -> ({0}, {1});",
      first, second, columns);
}

// Only its input is long.
std::string summed(int columns) {
  return one(shaped(fmt::format("[1, 1, 1, {}]", columns)),
             "tensor<fp16, [1, 1, 1, 1]> b = reduce_sum(x = a, axes = tensor<int32, [1]>([3]), keep_dims = "
             "bool(true));");
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

std::vector<RuleCase> port_cases() {
  const std::string fp32 = one("tensor<fp32, [1, 64, 1, 512]>", "tensor<fp32, [1, 64, 1, 512]> b = relu(x = a);");
  return {
      {"S01", "m4", unary("relu", "[64, 512]"), unary("relu", "[2, 64, 512]")},
      {"S01", "m4", unary("relu", "[1, 64, 1, 2, 32]"), unary("relu", "[1, 512, 64, 64]")},
      {"S01", "m1", two_inputs("a", "c", "[1, 64, 1, 512]"), unary("relu")},
      {"S02", "m4", fp32, unary("relu")},
      {"S02", "m1", fp32, unary("relu")},
      {"S04", "m3-ultra", unary("relu", "[1, 1024, 1, 48]"), unary("relu", "[1, 1024, 1, 64]")},
      {"S04", "m4-max", unary("relu", "[1, 47, 1, 512]"), unary("relu", "[1, 48, 1, 512]")},
      {"S04", "m1", unary("relu", "[1, 31, 1, 32]"), unary("relu", "[1, 32, 1, 32]")},
      {"S05", "m5", unary("relu", "[1, 768, 1, 96]"), unary("relu", "[1, 768, 1, 128]")},
      {"S06", "m4", two_inputs("a", "c", "[1, 64, 1, 512]"), unary("relu")},
      {"S06", "m4-max", two_inputs("c", "a", "[1, 64, 1, 512]"), two_inputs("a", "c", "[1, 64, 1, 512]")},
      {"S06", "m4-max", two_inputs("a", "c", "[1, 64, 1, 1]"), two_inputs("a", "c", "[1, 64, 1, 512]")},
      {"S06", "m1", two_inputs("a", "c", "[1, 64, 1, 1]"), two_inputs("c", "a", "[1, 64, 1, 512]")},
      {"S07", "m4", two_outputs("z", "c"), two_outputs("c", "z")},
      {"S07", "m4", two_outputs("c", "z", 32), two_outputs("c", "z")},
      {"S07", "m1", two_outputs("c", "z", 32), two_outputs("z", "c")},
  };
}

std::vector<RuleCase> size_cases() {
  return {
      {"S10", "m4", unary("relu", "[1, 1, 1, 65537]"), unary("relu", "[1, 1, 1, 65536]")},
      {"S10", "m4", unary("relu", "[1, 1, 1, 1, 2, 32]"), unary("relu", "[1, 1, 1, 2, 32]")},
      {"S10", "m4", summed(65537), summed(65536)},
      {"S10", "m1", unary("relu", "[1, 1, 1, 16385]"), unary("relu", "[1, 16416, 1, 16384]")},
      {"S10", "m3-ultra", unary("relu", "[1, 1, 1, 16385]"), unary("relu", "[1, 1, 1, 16384]")},
      {"C06", "m4", weights("w", "v", 128), weights("w", "v", 192)},
      {"C06", "m4", weights("w", "v", 0), weights("w", "v", 64)},
      {"C07", "m1", weights("w", "w", 256), weights("w", "v", 64)},
      {"C10", "m4", convolution(1, 16), convolution(1, 15)},
      {"C10", "m4", convolution(32, 1), convolution(31, 1)},
      {"C10", "m4", convolution(1, 9), convolution(1, 8)},
      {"C10", "m1", convolution(1, 14), convolution(1, 8)},
      {"C11", "m4", pool(1, 9), pool(9, 8)},
      {"C11", "m6", pool(14, 14), pool(14, 14, "avg_pool")},
      {"C12", "m4", product(32769), product(32768)},
      {"C16", "m4", topk(3), topk(5)},
      {"C40", "m4", pointwise(32000), pointwise(8192)},
      {"C17", "m4", chain(384), chain(383)},
      {"C17", "m4:macos15", chain(384), chain(383)},
      {"C17", "m6:macos27", chain(449), chain(448)},
  };
}

std::vector<RuleCase> op_cases() {
  return {
      {"C14", "m4", kInt32, unary("relu")},
      {"C15", "m4", unary("tan"), unary("sin")},
      {"C15", "m4", kRunTimeSlice, sliced(32)},
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

std::vector<RuleCase> cases() {
  std::vector<RuleCase> all = port_cases();
  for (const auto& part : {size_cases(), op_cases()}) all.insert(all.end(), part.begin(), part.end());
  return all;
}

class EngineRules : public testing::TestWithParam<RuleCase> {};

TEST_P(EngineRules, FindWhatBreaksThemAndNothingElse) {
  const RuleCase& rule = GetParam();
  const auto broken = findings(rule.breaks, rule.profile);
  EXPECT_THAT(ids(broken), Contains(rule.id)) << rule.breaks;
  EXPECT_THAT(ids(findings(rule.keeps, rule.profile), worst(broken, rule.id)), Not(Contains(rule.id))) << rule.keeps;
}

INSTANTIATE_TEST_SUITE_P(Catalogue, EngineRules, testing::ValuesIn(cases()));

// Those of devices have cases in the devices' tests.
TEST(EngineRules, EachEntryHasACaseThatBreaksIt) {
  std::set<std::string_view> broken;
  for (const RuleCase& rule : cases()) {
    for (const Finding& finding : findings(rule.breaks, rule.profile)) broken.insert(finding.rule->statement);
  }
  for (const EngineRule& rule : device_rules()) broken.insert(rule.statement);
  for (const EngineRule& rule : engine_rules()) EXPECT_THAT(broken, Contains(rule.statement)) << rule.id;
}

TEST(EngineRules, TheCatalogueIsWhole) {
  std::vector<std::string> wanted;
  for (int i = 1; i <= 10; ++i) wanted.push_back(fmt::format("S{:02}", i));
  for (int i = 1; i <= 40; ++i) wanted.push_back(fmt::format("C{:02}", i));
  std::vector<std::string> found;
  for (const EngineRule& rule : engine_rules()) {
    if (found.empty() || found.back() != rule.id) found.emplace_back(rule.id);
    EXPECT_NE(rule.statement, "") << rule.id;
    EXPECT_NE(rule.remedy, "") << rule.id;
    EXPECT_NE(rule.source, "") << rule.id;
  }
  EXPECT_EQ(found, wanted);
}

TEST(EngineRules, DisputedOnesWarnUnlessStrict) {
  const auto severity = [](const std::string& function, std::string_view profile, std::string_view id, bool strict) {
    return worst(findings(function, profile, strict), id);
  };
  EXPECT_EQ(severity(unary("gelu"), "m4", "C21", false), Severity::warning);
  EXPECT_EQ(severity(unary("gelu"), "m4", "C21", true), Severity::error);
  EXPECT_EQ(severity(unary("tan"), "m4", "C15", false), Severity::error);
  EXPECT_EQ(severity(sliced(32), "m1", "C32", false), Severity::warning) << "only large values suffer";
  EXPECT_THAT(ids(findings(convolution(1, 9), "m4", true)), Contains("C10"));
  EXPECT_EQ(severity(convolution(1, 9), "m4", "C10", true), Severity::note) << "only slow";
}

TEST(EngineRules, WhatTheEngineRefusesCoreMLRunsElsewhere) {
  for (const Finding& finding : findings(unary("tan"), "m4:coreml")) EXPECT_EQ(finding.severity, Severity::warning);
  EXPECT_THAT(ids(findings(unary("tan"), "m4:coreml")), Contains("C15"));
  EXPECT_THAT(ids(findings(unary("relu", "[1, 2, 1, 32]"), "m4:coreml")), Not(Contains("S04"))) << "Core ML allocates";
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

TEST(Profiles, AreKnownByName) {
  for (const std::string& chip : chip_names()) {
    for (const char* rest : {"", ":macos15", ":macos27", ":coreml", ":macos15:coreml"}) {
      EXPECT_EQ(to_string(parse_profile(chip + rest).value()), chip + rest);
    }
  }
  EXPECT_EQ(parse_profile("m4").value(), (Profile{Chip::m4, System::macos26, Path::direct}));
  EXPECT_EQ(parse_profile("m1:macos27:coreml").value(), (Profile{Chip::m1, System::macos27, Path::coreml}));
  EXPECT_EQ(to_string(parse_profile("m4:macos26:direct").value()), "m4");
}

TEST(Profiles, OthersAreRefusedWithWhatThereIs) {
  for (const char* text : {"", "m2", "m4:", "m4::coreml", "m4:coreml:macos15", "m4:macos14",
                           "m4:macos15:coreml:", ":m4", "m4:macos15:macos15", "m4:macos15:coreml:x"}) {
    const Result<Profile> profile = parse_profile(text);
    ASSERT_FALSE(profile) << text;
    EXPECT_EQ(profile.error().message,
              fmt::format("there is no engine {}: write CHIP[:SYSTEM][:PATH], with a chip of m1, m3-ultra, m4, m4-pro, "
                          "m4-max, m5, m6; a system of macos15, macos26, macos27; a path of direct, coreml",
                          text));
  }
}

}  // namespace
}  // namespace anemone::mil
