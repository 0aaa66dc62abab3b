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

TEST_F(AneCalls, WantAProgramOfThisDevice) {
  const auto other = open_device("cpu").value();
  const auto program = other->compile(doubling_.function, doubling_.weights).value();
  EXPECT_THAT(calls().chaining(*program, bound_->in(), bound_->out()).error().message, HasSubstr("another device"));
}

}  // namespace
}  // namespace anemone
