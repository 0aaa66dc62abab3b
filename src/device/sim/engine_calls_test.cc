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

TEST(PublishedCalls, SayWhereNobodyKnows) {
  Bound m6("sim:m6"), coreml("sim:m4:coreml");
  EXPECT_THAT(m6.calls().chaining(*m6.program, {}, {}).error().message, HasSubstr("nobody has published what m6"));
  EXPECT_FALSE(m6.calls().shared_events(*m6.program, {}, {}));
  EXPECT_FALSE(coreml.calls().statistics(*coreml.program, {}, {}));
}

TEST(PublishedCalls, AreThoseOfEnginesAlone) {
  EXPECT_EQ(open_device("cpu").value()->engine_calls(), nullptr);
  EXPECT_EQ(open_device("ref").value()->engine_calls(), nullptr);
}

}  // namespace
}  // namespace anemone::sim
