// Every call of the framework, failed in every way: a sentence comes back, and nothing stays behind.
#include "device/engine_calls.h"
#include "double_control.h"

namespace anemone {
namespace {

using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

struct Failure {
  std::string call;
  int nth;
  std::string how;
};
void PrintTo(const Failure& failure, std::ostream* out) {
  *out << failure.call << " " << failure.nth << " " << failure.how;
}

std::vector<Failure> failures() {
  std::vector<Failure> all;
  for (int i = 0; ane_double().call(i) != nullptr; ++i) {
    for (const char* how : {"error", "empty", "none", "exception"}) {
      for (int nth : {1, 2}) all.push_back({ane_double().call(i), nth, how});
    }
  }
  return all;
}

class AneFailures : public WithDouble, public testing::WithParamInterface<Failure> {
 protected:
  void SetUp() override {
    setenv("ANEMONE_ANE_STATISTICS", "no", 1);  // whose failures are taken back
    WithDouble::SetUp();
  }
};

// Twice over, so that a first and a second call fail. A task that was begun is ended.
Result<> whole_life(Device& device) {
  for (double factor : {2.0, 3.0}) {
    TRY(run_once(device, Doubling(factor)));
    TRY(device.engine_calls()->begin_real_time());
    const Result<double> ran = run_once(device, Doubling(factor));
    TRY(device.engine_calls()->end_real_time());
    TRY(ran);
  }
  return {};
}

// Loading is tried twice, of unloading nobody is left to hear, and real-time tasks are refused at any rate.
bool is_taken_back(const Failure& failure) {
  const bool is_answer = failure.how != "exception";
  return failure.call == "loadWithQoS:options:error:" || failure.call == "unloadWithQoS:error:" ||
         (is_answer && (failure.call == "beginRealTimeTask" || failure.call == "endRealTimeTask"));
}
// C functions raise nothing.
bool can_be(const Failure& failure) { return failure.how != "exception" || failure.call.find("IOSurface") != 0; }

TEST_P(AneFailures, ComeBackAsASentence) {
  const Failure& failure = GetParam();
  if (!can_be(failure)) return;
  ane_double().fail(failure.call.c_str(), failure.nth, failure.how.c_str());
  const Result<> lived = whole_life(device());
  if (is_taken_back(failure)) {
    EXPECT_TRUE(lived) << lived.error().message;
    return;
  }
  ASSERT_FALSE(lived);
  EXPECT_THAT(lived.error().message, Not(HasSubstr("\n")));
  EXPECT_GT(lived.error().message.size(), 20U);
  if (failure.how == "exception") {
    EXPECT_THAT(lived.error().message, HasSubstr("raised an exception"));
  }
  EXPECT_EQ(ane_double().live("_ANEInMemoryModel"), 0);
  EXPECT_TRUE(whole_life(device())) << "the device is of no use afterwards";
}

INSTANTIATE_TEST_SUITE_P(Calls, AneFailures, testing::ValuesIn(failures()), [](const auto& info) {
  std::string name = info.param.call + "_" + std::to_string(info.param.nth) + "_" + info.param.how;
  std::erase(name, ':');
  return name;
});

std::string error_where(Device& device, const char* call, const char* how) {
  ane_double().fail(call, 1, how);
  const Result<double> ran = run_once(device, Doubling());
  return ran ? "" : ran.error().message;
}

class AneErrorTexts : public WithDouble {};

TEST_F(AneErrorTexts, AreTheFrameworksOwn) {
  EXPECT_EQ(error_where(device(), "compileWithQoS:options:error:", "error"),
            "the engine's compiler refuses a program: told to fail in compileWithQoS:options:error: "
            "(com.apple.appleneuralengine, code 77)");
}
TEST_F(AneErrorTexts, SayWhereThereIsNone) {
  EXPECT_EQ(error_where(device(), "compileWithQoS:options:error:", "empty"),
            "the engine's compiler refuses a program: the framework's error has no text (com.apple.appleneuralengine, "
            "code 77)");
  EXPECT_EQ(error_where(device(), "compileWithQoS:options:error:", "none"),
            "the engine's compiler refuses a program: the framework gave no error object");
}
TEST_F(AneErrorTexts, LoadingIsTriedTwice) {
  ane_double().fail("loadWithQoS:options:error:", 1, "error");
  EXPECT_EQ(*run_once(device(), Doubling()), 6);
  EXPECT_EQ(ane_double().calls("loadWithQoS:options:error:"), 2);
}

}  // namespace
}  // namespace anemone
