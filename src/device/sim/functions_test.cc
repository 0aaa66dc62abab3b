#include "device/sim/functions.h"

#include <fmt/format.h>
#include <gmock/gmock.h>

#include <map>
#include <optional>
#include <set>

#include "device/sim/program_testing.h"
#include "mil/tensor.h"

namespace anemone::sim {
namespace {

using mil::DType;
using mil::OpCall;
using mil::Tensor;

// A use of an op on a tensor<fp16, [1, 3, 1, 8]>, with the settings given and the defaults of the others.
class Use {
 public:
  explicit Use(std::string op, std::map<std::string, Tensor> settings = {})
      : op_(std::move(op)), settings_(std::move(settings)) {
    std::vector<OpCall::Argument> arguments{{"x", {{.type = {DType::fp16, {1, 3, 1, 8}}}}}};
    for (const auto& [name, tensor] : settings_) {
      arguments.push_back({name, {{.type = tensor.type(), .constant = &tensor, .fixed = true}}});
    }
    const Result<> checked = mil::check_arguments(*mil::find_op(op_), arguments);
    EXPECT_TRUE(checked) << checked.error().message;
    call_.emplace(std::move(arguments));
  }

  std::optional<Function> function() const { return function_of(op_, *call_); }
  double at(double x) const { return decode(function()->evaluate(half_away(x))); }

 private:
  std::string op_;
  std::map<std::string, Tensor> settings_;
  std::optional<OpCall> call_;
};

Tensor number(double value) { return Tensor::scalar(DType::fp32, value); }
Tensor channels(const std::vector<double>& values) {
  return Tensor::from_numbers({DType::fp16, {int64_t(values.size())}}, values);
}

// ---- Against NumPy

nlohmann::json golden_functions() { return golden("functions.json"); }

Use use_of(const nlohmann::json& golden) {
  std::map<std::string, Tensor> settings;
  const auto op = golden["op"].get<std::string>();
  const bool by_channel = op == "prelu" || op == "softplus_parametric";
  for (const auto& [name, value] : golden["settings"].items()) {
    const auto n = value.get<double>();
    settings.emplace(name, by_channel ? channels({n, n, n}) : number(n));
  }
  return Use(op, std::move(settings));
}

// Written by tests/golden/sim/make_functions.py.
TEST(Functions, EqualNumPysOnAllHalves) {
  for (const nlohmann::json& golden : golden_functions()) {
    const std::string text = golden["op"].get<std::string>() + golden["settings"].dump();
    const std::optional<Function> function = use_of(golden).function();
    ASSERT_TRUE(function) << text;
    std::vector<Half> results;
    for (int bits = 0; bits < 65536; ++bits) results.push_back(function->evaluate({uint16_t(bits)}));
    for (size_t i = 0; i < golden["results"].size(); ++i) {
      EXPECT_EQ(results[1021 * i].bits, golden["results"][i].get<int>()) << text << " of half " << 1021 * i;
    }
    EXPECT_EQ(checksum(results), golden["checksum"].get<std::string>()) << text;
  }
}

TEST(Functions, AreAllComparedWithNumPys) {
  std::set<std::string> compared;
  for (const nlohmann::json& golden : golden_functions()) compared.insert(golden["op"].get<std::string>());
  for (std::string_view op : function_ops()) EXPECT_TRUE(compared.contains(std::string(op))) << op;
}

// ---- Which ops have one

TEST(Functions, AreOfOpsOfTheTable) {
  std::set<std::string_view> ops;
  for (std::string_view op : function_ops()) {
    EXPECT_NE(mil::find_op(op), nullptr) << op;
    EXPECT_TRUE(ops.insert(op).second) << op;
  }
}

TEST(Functions, AreNotOfOpsThatTheEngineLacks) {
  for (const char* op : {"asin", "acos", "tan", "sinh", "cosh", "atanh"}) EXPECT_FALSE(Use(op).function()) << op;
  EXPECT_FALSE(Use("softmax").function()) << "not of one number";
}

TEST(Functions, AreOfOneAlphaForAllChannels) {
  EXPECT_TRUE(Use("prelu", {{"alpha", channels({0.5, 0.5, 0.5})}}).function());
  EXPECT_FALSE(Use("prelu", {{"alpha", channels({0.5, 0.5, 0.25})}}).function());
  const OpCall unknown({{"x", {{.type = {DType::fp16, {1, 3, 1, 8}}}}},
                        {"alpha", {{.type = {DType::fp16, {3}}, .constant = nullptr, .fixed = true}}}});
  EXPECT_FALSE(function_of("prelu", unknown)) << "its numbers are not at hand";
}

// ---- What they say of themselves

TEST(Functions, SayWhatIsFittedAndWhatIsChosen) {
  using testing::Contains;
  for (const char* op : {"gelu", "silu"}) {
    EXPECT_THAT(Use(op).function()->choices, Contains(Choice::gelu_and_silu_tables)) << op;
  }
  EXPECT_TRUE(describe(Choice::gelu_and_silu_tables).chosen.starts_with("Approximate: "));
  EXPECT_THAT(Use("tanh").function()->choices, testing::Not(Contains(Choice::gelu_and_silu_tables)));
  EXPECT_TRUE(Use("square").function()->choices.empty());
  EXPECT_THAT(Use("round").function()->choices, Contains(Choice::round_adds_half));
  EXPECT_THAT(Use("cos").function()->choices, Contains(Choice::sin_phase));
}

// ---- Published results

TEST(Functions, GeluIsOneTableInAllModes) {
  const Use exact("gelu"), tanh("gelu", {{"mode", Tensor::text("TANH_APPROXIMATION")}});
  for (double x : {-3.0, -0.3, 0.0, 0.7, 2.9}) EXPECT_EQ(exact.at(x), tanh.at(x));
}

TEST(Functions, RoundGoesAwayFromZeroAndErrsFrom1024) {
  const Use round("round");
  EXPECT_EQ(round.at(2.5), 3);
  EXPECT_EQ(round.at(-0.5), -1);
  EXPECT_EQ(round.at(1023), 1023);
  EXPECT_EQ(round.at(1024), 1025);
  EXPECT_EQ(round.at(1025), 1026);
  EXPECT_EQ(round.at(-2047), -2048);
  EXPECT_EQ(round.at(2050), 2050);
}

TEST(Functions, InverseAddsItsEpsilon) {
  EXPECT_EQ(Use("inverse").at(0), 9360) << "1/(7·2^-16) is 9362.29";
  EXPECT_EQ(Use("inverse", {{"epsilon", number(0.25)}}).at(0.25), 2);
  EXPECT_EQ(Use("log", {{"epsilon", number(0.5)}}).at(0.5), 0);
}

// What has exponent 31 is a number, and no result has it but the infinities.
TEST(Functions, NeverGiveMinusZeroOrNaN) {
  for (const nlohmann::json& golden : golden_functions()) {
    const std::optional<Function> function = use_of(golden).function();
    for (uint16_t bits : {0x8000, 0x7C01, 0x7E00, 0x7FFF, 0xFC01, 0xFFFF}) {
      const Half y = function->evaluate({bits});
      EXPECT_NE(y.bits, 0x8000) << golden["op"] << " of " << bits;
      EXPECT_LE(magnitude(y).bits, kInfinity.bits) << golden["op"] << " of " << bits;
    }
  }
}

}  // namespace
}  // namespace anemone::sim
