#include "probe/inquiry.h"

#include <gmock/gmock.h>

#include <cmath>

#include "mil/builder.h"

namespace anemone::probe {
namespace {

using testing::HasSubstr;

std::unique_ptr<Device> device(const std::string& name) { return open_device(name).value(); }

Outcome answered(const std::string& on, const std::string& answer, std::vector<Published> published) {
  const auto opened = device(on);
  Inquiry inquiry(*opened, Precision::fp16);
  inquiry.answer("what", answer, std::move(published));
  return inquiry.findings()[0].outcome;
}

TEST(Inquiry, ComparesAnswersWithTheSimulatedChip) {
  const std::vector<Published> published{{"M4 Max", "no", "a"}, {"M5", "yes", "b"}};
  EXPECT_EQ(answered("sim:m5", "yes", published), Outcome::pass);
  EXPECT_EQ(answered("sim:m5", "no", published), Outcome::differs);
  EXPECT_EQ(answered("sim:m4-max:macos15", "no", published), Outcome::pass);
  EXPECT_EQ(answered("sim:m4-max", "yes", published), Outcome::differs);
}

TEST(Inquiry, ComparesAnswersOfOthersWithAnyChip) {
  const std::vector<Published> published{{"M4 Max", "no", "a"}, {"M5", "yes", "b"}};
  EXPECT_EQ(answered("cpu", "no", published), Outcome::pass);
  EXPECT_EQ(answered("sim:m1", "yes", published), Outcome::pass);
  EXPECT_EQ(answered("cpu", "perhaps", published), Outcome::differs);
  EXPECT_EQ(answered("cpu", "perhaps", {}), Outcome::pass);
}

Outcome compared(const Numbers& expected, const Numbers& actual, const Tolerance& tolerance) {
  const auto opened = device("cpu");
  Inquiry inquiry(*opened, Precision::fp32);
  inquiry.compare("what", expected, actual, tolerance);
  return inquiry.findings()[0].outcome;
}

TEST(Inquiry, NeitherZerosNorConstantsNorNaNsPass) {
  const Numbers expected{1.0, 1.001, 0.999, 1.0};
  EXPECT_EQ(compared(expected, expected, {.ours = 0.5}), Outcome::pass);
  EXPECT_EQ(compared(expected, {0, 0, 0, 0}, {.ours = 0.5}), Outcome::fail);
  EXPECT_EQ(compared(expected, {1, 1, 1, 1}, {.ours = 0.5}), Outcome::fail);
  EXPECT_EQ(compared(expected, {1, NAN, 0.999, 1.0}, {.ours = 0.5}), Outcome::fail);
  EXPECT_EQ(compared(expected, {1, INFINITY, 0.999, 1.0}, {.ours = 0.5}), Outcome::fail);
  EXPECT_EQ(compared({2, 2, 2}, {2, 2, 2.1}, {.ours = 0.5}), Outcome::fail);
}

TEST(Inquiry, KeepsTheSeedsTolerancesToo) {
  const Numbers expected{0, 100, -100, 50}, actual{0, 100, -100, 50.5};
  EXPECT_EQ(compared(expected, actual, {.ours = 0.1}), Outcome::pass);
  EXPECT_EQ(compared(expected, actual, {.ours = 0.1, .seed_largest = 0.4}), Outcome::fail);
  EXPECT_EQ(compared(expected, actual, {.ours = 0.1, .seed_mean = 0.1}), Outcome::fail);
}

TEST(Inquiry, TellsWhereTheLargestErrorIs) {
  const Errors errors = errors_of({1, 2, 3}, {1, 2.5, 3.1});
  EXPECT_DOUBLE_EQ(errors.largest, 0.5);
  EXPECT_NEAR(errors.mean, 0.2, 1e-12);
  EXPECT_EQ(errors.where, "element 1 is 2.5, expected 2");
}

TEST(Inquiry, GoesOnAfterAPartThatFails) {
  const auto opened = device("cpu");
  Inquiry inquiry(*opened, Precision::fp32);
  inquiry.part("first", []() -> Result<> { return fail("no such thing"); });
  inquiry.part("second", [&]() -> Result<> {
    inquiry.answer("it", "yes");
    return {};
  });
  ASSERT_EQ(inquiry.findings().size(), 2U);
  EXPECT_EQ(inquiry.findings()[0].outcome, Outcome::fail);
  EXPECT_THAT(inquiry.findings()[0].why, HasSubstr("no such thing"));
  EXPECT_EQ(outcome_of(inquiry.findings()), Outcome::fail);
}

TEST(Outcome, IsTheWorstButForWhatIsUnavailable) {
  const auto of = [](std::vector<Outcome> outcomes) {
    std::vector<Finding> findings;
    for (const Outcome outcome : outcomes) findings.push_back({.what = "", .outcome = outcome, .answer = ""});
    return outcome_of(findings);
  };
  EXPECT_EQ(of({Outcome::pass, Outcome::unavailable}), Outcome::pass);
  EXPECT_EQ(of({Outcome::unavailable}), Outcome::unavailable);
  EXPECT_EQ(of({Outcome::differs, Outcome::pass}), Outcome::differs);
  EXPECT_EQ(of({Outcome::differs, Outcome::fail}), Outcome::fail);
}

TEST(Trial, ComputesAndRefusesToBeBoundOtherwise) {
  const auto opened = device("cpu");
  mil::Builder b;
  b.output("y", b.input("x", {mil::DType::fp16, {1, 4, 1, 4}}) * 2.0);
  Trial trial = Trial::create(*opened, b.finish().value()).value();
  trial.write(0, Numbers(16, 3.0));
  ASSERT_TRUE(trial.run());
  EXPECT_EQ(trial.read(0), Numbers(16, 6.0));
  const auto bound = trial.bind({.procedure = 1});
  EXPECT_FALSE(bound);
}

}  // namespace
}  // namespace anemone::probe
