// The same programs on the simulated engine: its two implementations give the same bits, and where values are moderate
// they are near ref's. Programs with int32 values at run time are left out, for the engine has none (C14).
#include <algorithm>
#include <cmath>

#include "compare.h"
#include "device/sim/sim_device.h"
#include "op_cases.h"
#include "random_program.h"

namespace anemone::conformance {
namespace {

using mil::Chip;
using sim::Implementation;

constexpr Chip kChips[] = {Chip::m4, Chip::m5};  // the second with Winograd's convolutions

// The largest errors that tables and partial sums in halves make, of one op and of programs of many: measured .0034 and
// .054, .011 but for one program.
constexpr double kMostOfOne = 0.01, kMostOfMany = 0.1;

// ‖actual − expected‖ / ‖expected‖ of the finite elements.
double error(const std::vector<double>& actual, const std::vector<double>& expected) {
  double difference = 0, size = 0;
  for (size_t i = 0; i < actual.size(); ++i) {
    if (!std::isfinite(expected[i])) continue;
    difference += (actual[i] - expected[i]) * (actual[i] - expected[i]);
    size += expected[i] * expected[i];
  }
  return difference == 0 ? 0 : std::sqrt(difference / size);
}

// The largest error of the outputs against ref's; the implementations must agree.
double checked_error(Chip chip, const mil::Function& function, const Draft& draft, const Inputs& inputs) {
  // Core ML applies the masks of attentions, as ref does.
  const mil::Profile profile{.chip = chip, .path = mil::Path::coreml};
  const auto readable =
      run(*sim::open_without_limits(profile, Implementation::readable), function, draft.weights, inputs);
  const auto vectors =
      run(*sim::open_without_limits(profile, Implementation::vectors), function, draft.weights, inputs);
  const auto expected = run(**open_device("ref"), function, draft.weights, inputs);
  EXPECT_EQ(readable.size(), expected.size());
  EXPECT_EQ(vectors.size(), expected.size());
  double largest = 0;
  for (size_t i = 0; i < std::min({expected.size(), readable.size(), vectors.size()}); ++i) {
    EXPECT_TRUE(same_bits(readable[i].values, vectors[i].values)) << "in " << expected[i].port.name;
    largest = std::max(largest, error(vectors[i].values, expected[i].values));
  }
  return largest;
}

class SimConformance : public testing::TestWithParam<std::tuple<Chip, OpCase>> {};

TEST_P(SimConformance, ImplementationsAgreeNearRef) {
  const auto& [chip, op_case] = GetParam();
  Draft draft(mil::DType::fp16, 7);
  op_case.write(draft);
  const auto function = draft.builder.finish();
  ASSERT_TRUE(function) << function.error().message;
  const Inputs inputs{.seed = 3, .positive = op_case.positive};
  EXPECT_LT(checked_error(chip, *function, draft, inputs), kMostOfOne);
}

INSTANTIATE_TEST_SUITE_P(Ops, SimConformance,
                         testing::Combine(testing::ValuesIn(kChips), testing::ValuesIn(op_cases())),
                         [](const testing::TestParamInfo<std::tuple<Chip, OpCase>>& info) {
                           return std::string(to_string(std::get<0>(info.param))) + "_" + std::get<1>(info.param).name;
                         });

class SimRandomPrograms : public testing::TestWithParam<Chip> {};

TEST_P(SimRandomPrograms, ImplementationsAgreeNearRef) {
  for (uint64_t seed = 0; seed < 60; ++seed) {
    SCOPED_TRACE(fmt::format("seed {}", seed));
    Draft draft(mil::DType::fp16, seed);
    const auto function = random_program(draft, Integers::constant);
    ASSERT_TRUE(function) << function.error().message;
    EXPECT_LT(checked_error(GetParam(), *function, draft, {.seed = seed}), kMostOfMany);
    if (HasFailure()) return;
  }
}

INSTANTIATE_TEST_SUITE_P(Chips, SimRandomPrograms, testing::ValuesIn(kChips),
                         [](const auto& info) { return std::string(to_string(info.param)); });

}  // namespace
}  // namespace anemone::conformance
