// The calls that only probes make, answered by the double.
#include "device/engine_calls.h"

#include "double_control.h"

namespace anemone {
namespace {

using testing::AllOf;
using testing::Contains;
using testing::Field;
using testing::HasSubstr;

class AneCalls : public WithDouble {
 protected:
  void SetUp() override {
    WithDouble::SetUp();
    program_ = device().compile(doubling_.function, doubling_.weights).value();
    bound_.emplace(device(), *program_);
  }
  void TearDown() override {
    bound_.reset();
    program_.reset();
    WithDouble::TearDown();
  }
  EngineCalls& calls() { return *device().engine_calls(); }
  double run() {
    fill(*bound_->inputs[0], 3, 256);
    EXPECT_TRUE(program_->bind(bound_->in(), bound_->out()).value()->run());
    return at(*bound_->outputs[0], 0);
  }

  Doubling doubling_;
  std::unique_ptr<Program> program_;
  std::optional<Bound> bound_;
};

auto answered(const std::string& call, bool taken, const std::string& answer) {
  return Contains(AllOf(Field(&EngineAnswer::call, HasSubstr(call)), Field(&EngineAnswer::taken, taken),
                        Field(&EngineAnswer::answer, HasSubstr(answer))));
}

TEST_F(AneCalls, RewrittenWeightsChangeNothing) {
  EXPECT_EQ(run(), 6);
  const auto answers = calls().rewrite_weights(*program_, Doubling(9).weights).value();
  EXPECT_THAT(answers, answered("weights/w000.bin", true, "overwritten"));
  EXPECT_THAT(answers, answered("unloadWithQoS:error:", true, "YES"));
  EXPECT_THAT(answers, answered("loadWithQoS:options:error:", true, "YES"));
  EXPECT_EQ(run(), 6);
  EXPECT_EQ(run_once(device(), doubling_).value_or(-1), 6);  // compiled anew
}

TEST_F(AneCalls, Statistics) {
  ane_double().set_statistics(4321);
  const auto answers = calls().statistics(*program_, bound_->in(), bound_->out()).value();
  EXPECT_THAT(answers, answered("-[_ANEPerformanceStats init]", false, "nil"));
  EXPECT_THAT(answers, answered("statsWithHardwareExecutionNS:", true, "an object of _ANEPerformanceStats"));
  EXPECT_THAT(answers, answered("evaluateWithQoS", true, "YES"));
  EXPECT_THAT(answers, answered("hwExecutionTime", true, "4321"));
  EXPECT_THAT(answers, answered("perfCounterData", false, "nil"));
}

TEST_F(AneCalls, SharedEvents) {
  const auto answers = calls().shared_events(*program_, bound_->in(), bound_->out()).value();
  EXPECT_THAT(answers, answered("waitEventWithValue:sharedEvent:", true, "an object of _ANESharedWaitEvent"));
  EXPECT_THAT(answers, answered("signaledValue", true, "1"));
}

TEST_F(AneCalls, Chaining) {
  const auto answers = calls().chaining(*program_, bound_->in(), bound_->out()).value();
  EXPECT_THAT(answers, answered("bufferWithIOSurfaceObject:symbolIndex:source:", true, "an object of _ANEBuffer"));
  EXPECT_THAT(answers, answered("validate", true, "YES"));
  EXPECT_THAT(answers, answered("prepareChainingWithModel:options:chainingReq:qos:error:", true, "YES"));
  EXPECT_THAT(answers, answered("buffersReadyWithModel:inputBuffers:options:qos:error:", false,
                                "NO: Invalid chaining request (com.apple.appleneuralengine, code 15)"));
}

// ---- Real time

constexpr const char* kEvaluate = "evaluateWithQoS:options:request:error:";
constexpr const char* kEvaluateRealTime = "evaluateRealTimeWithModel:options:request:error:";

TEST_F(AneCalls, ProgramsRunByTheRealTimeCallWithinATaskAlone) {
  EXPECT_THAT(calls().begin_real_time().value(), answered("beginRealTimeTask", false, "NO"));
  EXPECT_EQ(run(), 6);
  EXPECT_EQ(ane_double().calls(kEvaluateRealTime), 1);
  EXPECT_EQ(ane_double().calls(kEvaluate), 0);
  EXPECT_THAT(calls().end_real_time().value(), answered("endRealTimeTask", false, "NO"));
  EXPECT_EQ(run(), 6);
  EXPECT_EQ(ane_double().calls(kEvaluateRealTime), 1);
  EXPECT_EQ(ane_double().calls(kEvaluate), 1);
}

TEST_F(AneCalls, SayWhereARealTimeTaskIsGranted) {
  ane_double().set_entitled(1);
  EXPECT_THAT(calls().begin_real_time().value(), answered("beginRealTimeTask", true, "YES"));
  EXPECT_THAT(calls().end_real_time().value(), answered("endRealTimeTask", true, "YES"));
}

TEST_F(AneCalls, RealTimeTasksDoNotNest) {
  EXPECT_THAT(calls().end_real_time().error().message, HasSubstr("none has begun"));
  ASSERT_TRUE(calls().begin_real_time());
  const auto other = open_device("ane").value();  // of the same engine
  EXPECT_THAT(other->engine_calls()->begin_real_time().error().message, HasSubstr("begun already"));
  EXPECT_EQ(ane_double().calls("beginRealTimeTask"), 1);
  EXPECT_TRUE(other->engine_calls()->end_real_time());
}

TEST_F(AneCalls, ADeviceThatGoesEndsItsRealTimeTask) {
  ASSERT_TRUE(calls().begin_real_time());
  const auto request = program_->bind(bound_->in(), bound_->out()).value();
  program_.reset();
  close();
  fill(*bound_->inputs[0], 3, 256);
  EXPECT_TRUE(request->run());
  EXPECT_EQ(ane_double().calls(kEvaluateRealTime), 1);
  EXPECT_EQ(ane_double().calls("endRealTimeTask"), 0);
}  // the double wants an end before its client is freed

// The worker dies at its first ordinary evaluation: there is none before the end.
TEST_F(AneCalls, WorkersFollowARealTimeTask) {
  setenv("ANEMONE_ANE_COMPILES", "1", 1);
  setenv("ANEMONE_ANE_DOUBLE_FAIL", (std::string(kEvaluate) + "=1=die").c_str(), 1);
  const Doubling five(5);
  const auto program = device().compile(five.function, five.weights).value();
  const auto request = program->bind(bound_->in(), bound_->out()).value();
  unsetenv("ANEMONE_ANE_DOUBLE_FAIL");
  fill(*bound_->inputs[0], 3, 256);
  ASSERT_TRUE(calls().begin_real_time());
  for (int i = 0; i < 2; ++i) {
    const Result<RunTime> ran = request->run();
    ASSERT_TRUE(ran) << ran.error().message;
    EXPECT_EQ(at(*bound_->outputs[0], 0), 15);
  }
  ASSERT_TRUE(calls().end_real_time());
  EXPECT_THAT(request->run().error().message, HasSubstr("ended with code 3"));
  EXPECT_EQ(run_once(device(), Doubling(6)).value_or(-1), 18);  // which also takes away what the dead one left
  setenv("ANEMONE_ANE_COMPILES", "1000000", 1);
}

TEST_F(AneCalls, WantAProgramOfThisDevice) {
  const auto other = open_device("cpu").value();
  const auto program = other->compile(doubling_.function, doubling_.weights).value();
  EXPECT_THAT(calls().chaining(*program, bound_->in(), bound_->out()).error().message, HasSubstr("another device"));
}

}  // namespace
}  // namespace anemone
