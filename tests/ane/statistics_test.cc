// The engine's own clock: whether requests ask for it stays decided for a process, so each case has one of its own.
#include <cstdlib>

#include "double_control.h"

namespace anemone {
namespace {

// A run as a process of its own: what it found as an exit code.
class AneStatistics : public testing::Test {
 protected:
  void SetUp() override {
    GTEST_FLAG_SET(death_test_style, "threadsafe");
    ane_double();  // names the folder that the processes share
  }
};

struct Ran {
  std::optional<std::chrono::nanoseconds> first, second;
};

// Of one request, run twice.
Ran run_twice() {
  const auto device = open_device("ane").value();
  const Doubling doubling;
  const auto program = device->compile(doubling.function, doubling.weights).value();
  Bound bound(*device, *program);
  fill(*bound.inputs[0], 3, 256);
  const auto request = program->bind(bound.in(), bound.out()).value();
  Ran ran;
  ran.first = request->run().value().device;
  ran.second = request->run().value().device;
  return at(*bound.outputs[0], 0) == 6 ? ran : Ran{std::chrono::nanoseconds(-1), {}};
}

constexpr const char* kMake =
    "requestWithInputs:inputIndices:outputs:outputIndices:weightsBuffer:perfStats:procedureIndex:";
constexpr const char* kEvaluate = "evaluateWithQoS:options:request:error:";

TEST_F(AneStatistics, GiveTheTimeOfARun) {
  const auto child = [] {
    ane_double().set_statistics(1234);
    const Ran ran = run_twice();
    const bool right = ran.first == std::chrono::nanoseconds(1234) && ran.second == ran.first;
    std::exit(right && ane_double().calls(kMake) == 1 ? 0 : 1);
  };
  EXPECT_EXIT(child(), testing::ExitedWithCode(0), "");
}

TEST_F(AneStatistics, AreNotAskedForAgainWhereThereAreNone) {
  const auto child = [] {
    const Ran ran = run_twice();
    const bool right = !ran.first && !ran.second && ane_double().calls(kMake) == 2;
    ane_double().set_statistics(1234);
    std::exit(right && !run_twice().first ? 0 : 1);
  };
  EXPECT_EXIT(child(), testing::ExitedWithCode(0), "");
}

TEST_F(AneStatistics, AreGivenUpWhereARunFailsWithThem) {
  const auto child = [] {
    ane_double().set_statistics(1234);
    ane_double().fail(kEvaluate, 1, "error");
    const Ran ran = run_twice();
    std::exit(!ran.first && !ran.second && ane_double().calls(kEvaluate) == 3 ? 0 : 1);
  };
  EXPECT_EXIT(child(), testing::ExitedWithCode(0), "");
}

TEST_F(AneStatistics, CanBeLeftOut) {
  const auto child = [] {
    setenv("ANEMONE_ANE_STATISTICS", "no", 1);
    ane_double().set_statistics(1234);
    std::exit(!run_twice().first && ane_double().calls(kMake) == 1 ? 0 : 1);
  };
  EXPECT_EXIT(child(), testing::ExitedWithCode(0), "");
}

}  // namespace
}  // namespace anemone
