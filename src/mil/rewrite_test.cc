// Compositions. Each is run in place of its op at the golden cases.
#include "mil/rewrite.h"

#include <gmock/gmock.h>

#include <cmath>

#include "mil/op_testing.h"

namespace anemone::mil {
namespace {

constexpr double kTolerance = 1e-5;  // constants of a composition are rounded to fp32

TEST(Expand, EachCompositionEqualsItsOp) {
  for (const GoldenCase& golden : golden_cases()) {
    const OpDef* op = find_op(golden.op, *parse_opset(golden.opset));
    if (!op->compose) continue;
    const Call call(golden.op, golden.arguments, golden.opset);
    ASSERT_TRUE(call.function()) << golden.text;
    const auto composed = expand(
        *call.function(), [&](const OpDef& def) { return &def == op; }, Arithmetic::fp32);
    ASSERT_TRUE(composed) << golden.text << composed.error().message;
    for (const Operation& operation : composed->operations) ASSERT_NE(operation.op, op) << golden.text;
    const auto results = (*Interpreter::create(*composed, {}, Rounding::none)).run(call.inputs());
    ASSERT_EQ(results.size(), golden.results.size()) << golden.text;
    for (size_t r = 0; r < results.size(); ++r) {
      EXPECT_EQ(results[r].type, golden.types[r]) << golden.text;
      const std::vector<double> expected = golden.results[r].numbers();
      ASSERT_EQ(results[r].data.size(), expected.size()) << golden.text;
      for (size_t i = 0; i < expected.size(); ++i) {
        if (std::isfinite(expected[i])) {
          ASSERT_NEAR(results[r].data[i], expected[i], kTolerance * std::max(1.0, std::fabs(expected[i])))
              << i << " of " << golden.text;
        } else {
          ASSERT_THAT(results[r].data[i], testing::NanSensitiveDoubleEq(expected[i])) << i << " of " << golden.text;
        }
      }
    }
  }
}

}  // namespace
}  // namespace anemone::mil
