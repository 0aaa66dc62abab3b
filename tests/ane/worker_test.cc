// What happens when a process may compile no more, and after processes that died.
#include <signal.h>
#include <unistd.h>

#include <cstdlib>
#include <thread>

#include "double_control.h"

namespace anemone {
namespace {

namespace fs = std::filesystem;
using testing::AllOf;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

// An environment variable while it lives.
class Setting {
 public:
  Setting(const char* name, const std::string& value)
      : name_(name), before_(std::getenv(name) ? std::getenv(name) : "") {
    setenv(name, value.c_str(), 1);
  }
  ~Setting() {
    if (before_.empty()) {
      unsetenv(name_);
    } else {
      setenv(name_, before_.c_str(), 1);
    }
  }
  Setting(const Setting&) = delete;
  Setting& operator=(const Setting&) = delete;

 private:
  const char* name_;
  std::string before_;
};

// A process that has no compiles left.
class AneWorker : public WithDouble {
 protected:
  void SetUp() override {
    WithDouble::SetUp();
    ASSERT_TRUE(run_once(device(), Doubling(77)));  // so that there is a budget to spend
  }
  Setting spent_{"ANEMONE_ANE_COMPILES", "1"};
};

std::string error_of(const Result<double>& result) { return result ? "" : result.error().message; }

TEST_F(AneWorker, CompilesLoadsAndRuns) {
  EXPECT_EQ(device().info().compiles_left, 0);
  const int before = ane_double().compiles();
  const Result<double> y = run_once(device(), Doubling(2));
  ASSERT_TRUE(y) << y.error().message;
  EXPECT_EQ(*y, 6);
  EXPECT_EQ(ane_double().compiles(), before);
}

TEST_F(AneWorker, HoldsProgramsThatAreSharedAndRequestsThatAreNot) {
  const Doubling twice(2), thrice(3);
  const auto a = device().compile(twice.function, twice.weights).value();
  const auto b = device().compile(thrice.function, thrice.weights).value();
  Bound first(device(), *a), second(device(), *a), third(device(), *b);
  const auto x = a->bind(first.in(), first.out()).value(), y = a->bind(second.in(), second.out()).value();
  const auto z = b->bind(third.in(), third.out()).value();
  fill(*first.inputs[0], 1, 256);
  fill(*second.inputs[0], 10, 256);
  fill(*third.inputs[0], 100, 256);
  for (Request* request : {x.get(), z.get(), y.get()}) ASSERT_TRUE(request->run());
  EXPECT_EQ(at(*first.outputs[0], 255), 2);
  EXPECT_EQ(at(*second.outputs[0], 255), 20);
  EXPECT_EQ(at(*third.outputs[0], 255), 300);
}

TEST_F(AneWorker, ServesTwoThreads) {
  const auto work = [&](double factor) {
    for (int i = 0; i < 10; ++i) EXPECT_EQ(run_once(device(), Doubling(factor + i)).value_or(-1), 3 * (factor + i));
  };
  std::thread one(work, 1), other(work, 6);
  one.join();
  other.join();
}

TEST_F(AneWorker, PassesOnOptionsAndErrors) {
  const auto weights = device().allocate(512).value();
  EXPECT_EQ(run_once(device(), Doubling(), {.qos = 63, .procedure = 15, .weights = weights.get()}).value_or(-1), 6);
  EXPECT_THAT(error_of(run_once(device(), Doubling(), {.procedure = 16})), HasSubstr("status=0x2"));
}

TEST_F(AneWorker, ThatDiesIsReportedAndReplaced) {
  {
    const Setting dying("ANEMONE_ANE_DOUBLE_FAIL", "evaluateWithQoS:options:request:error:=1=die");
    EXPECT_THAT(
        error_of(run_once(device(), Doubling(5))),
        AllOf(HasSubstr("the worker process that runs this program ended with code 3"), HasSubstr("compile it")));
  }
  EXPECT_EQ(run_once(device(), Doubling(5)).value_or(-1), 15);  // which also takes away what the dead one left
}

TEST_F(AneWorker, ThatCannotBeFoundIsSaidSo) {
  const Setting place("ANEMONE_ANE_WORKER", "/nowhere/anemone");
  EXPECT_THAT(error_of(run_once(device(), Doubling(5))),
              AllOf(HasSubstr("a worker process to go on with cannot be started"), HasSubstr("/nowhere/anemone")));
}

TEST_F(AneWorker, ThatIsAnotherProgramIsNoHang) {
  const Setting place("ANEMONE_ANE_WORKER", "/bin/true");
  EXPECT_THAT(error_of(run_once(device(), Doubling(5))), HasSubstr("ended with code 0"));
}

TEST_F(AneWorker, GoesOnWhereTheBudgetEndsSoonerThanExpected) {
  const Setting more("ANEMONE_ANE_COMPILES", std::to_string(ane_double().compiles() + 2));
  ane_double().set_budget(0);
  EXPECT_EQ(run_once(device(), Doubling(5)).value_or(-1), 15);
}

TEST_F(AneWorker, IsNotTriedWhereTheProgramIsAtFault) {
  const Setting plenty("ANEMONE_ANE_COMPILES", "1000000"), place("ANEMONE_ANE_WORKER", "/nowhere/anemone");
  ane_double().fail("compileWithQoS:options:error:", 1, "error");
  EXPECT_THAT(error_of(run_once(device(), Doubling(5))), HasSubstr("told to fail"));
}

// ---- Crashes

TEST(AneCrash, LeavesFoldersThatTheNextProcessRemoves) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  ane_double();
  const auto crash = [] {
    const auto device = open_device("ane").value();
    const Doubling doubling;
    const auto program = device->compile(doubling.function, doubling.weights).value();
    raise(SIGKILL);
  };
  EXPECT_EXIT(crash(), testing::KilledBySignal(SIGKILL), "");
  EXPECT_THAT(left_behind(), SizeIs(2));
  open_device("ane").value();
  EXPECT_THAT(left_behind(), IsEmpty());
}

}  // namespace
}  // namespace anemone
