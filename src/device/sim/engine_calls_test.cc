#include "device/sim/engine_calls.h"

#include <gmock/gmock.h>

#include "device/device.h"
#include "mil/builder.h"

namespace anemone::sim {
namespace {

using testing::HasSubstr;

struct Bound {
  explicit Bound(const std::string& device_name) : device(open_device(device_name).value()) {
    mil::Builder b;
    b.output("y", b.input("x", {mil::DType::fp16, {1, 4, 1, 4}}) * 2.0);
    program = device->compile(b.finish().value(), {}).value();
  }
  EngineCalls& calls() { return *device->engine_calls(); }

  std::unique_ptr<Device> device;
  std::unique_ptr<Program> program;
};

TEST(PublishedCalls, PrepareAChainOnM5AndNotOnM4Max) {
  Bound m4("sim:m4-max"), m5("sim:m5");
  const auto on_m4 = m4.calls().chaining(*m4.program, {}, {}).value();
  EXPECT_FALSE(on_m4.back().taken);
  EXPECT_EQ(on_m4.back().answer, "Code 15");
  const auto on_m5 = m5.calls().chaining(*m5.program, {}, {}).value();
  EXPECT_TRUE(on_m5[on_m5.size() - 2].taken);
  EXPECT_FALSE(on_m5.back().taken);
  for (const EngineAnswer& answer : on_m5) EXPECT_FALSE(answer.source.empty()) << answer.call;
}

TEST(PublishedCalls, RefuseARealTimeTaskAndRunByItsCallOnM4Max) {
  Bound m4("sim:m4-max");
  const auto begun = m4.calls().begin_real_time().value();
  ASSERT_EQ(begun.size(), 2U);
  EXPECT_FALSE(begun[0].taken);
  EXPECT_TRUE(begun[1].taken);
  EXPECT_THAT(m4.calls().begin_real_time().error().message, HasSubstr("has begun already"));
  EXPECT_FALSE(m4.calls().end_real_time().value()[0].taken);
  EXPECT_THAT(m4.calls().end_real_time().error().message, HasSubstr("none has begun"));
  EXPECT_TRUE(m4.calls().begin_real_time()) << "another task";
}

TEST(PublishedCalls, SayWhereNobodyKnows) {
  Bound m6("sim:m6"), coreml("sim:m4:coreml");
  EXPECT_THAT(m6.calls().chaining(*m6.program, {}, {}).error().message, HasSubstr("nobody has published what m6"));
  EXPECT_FALSE(m6.calls().shared_events(*m6.program, {}, {}));
  EXPECT_FALSE(coreml.calls().statistics(*coreml.program, {}, {}));
  EXPECT_THAT(m6.calls().begin_real_time().error().message, HasSubstr("what m6"));
  EXPECT_FALSE(m6.calls().end_real_time());
}

TEST(PublishedCalls, AreThoseOfEnginesAlone) {
  EXPECT_EQ(open_device("cpu").value()->engine_calls(), nullptr);
  EXPECT_EQ(open_device("ref").value()->engine_calls(), nullptr);
}

}  // namespace
}  // namespace anemone::sim
