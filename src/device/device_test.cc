#include "device/device.h"

#include <gmock/gmock.h>

#include <set>

#include "mil/builder.h"

namespace anemone {
namespace {

using testing::HasSubstr;

TEST(Bind, RefusesOptionsThatAHostHasNothingLike) {
  mil::Builder b;
  b.output("y", b.input("x", {mil::DType::fp16, {2}}) * 2.0);
  const mil::Function function = *b.finish();
  for (const std::string name : {"cpu", "ref"}) {
    const auto device = *open_device(name);
    const auto program = *device->compile(function, {});
    const auto x = *device->allocate(4), y = *device->allocate(4);
    const auto bind = [&](const RequestOptions& options) { return program->bind({x.get()}, {y.get()}, options); };
    EXPECT_TRUE(bind({}));
    EXPECT_THAT(bind({.weights = x.get()}).error().message, HasSubstr(name + " takes constants when it compiles"));
    EXPECT_THAT(bind({.procedure = 1}).error().message, HasSubstr("its index is 0"));
    EXPECT_THAT(bind({.qos = 33}).error().message, HasSubstr("no quality of service"));
  }
}

TEST(Devices, TellFactsOfThemselves) {
  const auto groups = [](const std::string& name) {
    std::set<std::string> names;
    for (const Fact& fact : open_device(name).value()->facts()) {
      EXPECT_FALSE(fact.name.empty()) << name;
      names.insert(fact.group);
    }
    return names;
  };
  EXPECT_THAT(groups("cpu"), testing::IsSupersetOf({"processor", "instructions", "libraries"}));
  EXPECT_THAT(groups("sim:m4"), testing::UnorderedElementsAre("engine", "rules", "figures", "choices"));
  EXPECT_THAT(groups("ref"), testing::ElementsAre("interpreter"));
}

}  // namespace
}  // namespace anemone
