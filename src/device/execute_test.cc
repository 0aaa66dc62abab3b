#include "device/execute.h"

#include <gmock/gmock.h>

#include <cmath>

#include "mil/builder.h"

namespace anemone {
namespace {

using mil::DType;
using mil::Tensor;
using testing::ElementsAre;
using testing::HasSubstr;

Tensor row(const std::vector<double>& values) {
  return Tensor::from_numbers({DType::fp32, {int64_t(values.size())}}, values);
}

mil::Function doubled() {
  mil::Builder b;
  b.output("y", b.input("x", {DType::fp32, {3}}) * 2.0);
  return *b.finish();
}

TEST(Execute, RunsFromTensorToTensorOnEachDevice) {
  for (const std::string& name : host_device_names()) {
    const auto device = open_device(name, {.precision = Precision::fp32});
    if (!device) continue;
    const auto run = execute(**device, doubled(), {}, {row({1, -2, 0.5})}, 3);
    ASSERT_TRUE(run) << name << ": " << run.error().message;
    EXPECT_THAT(run->outputs[0].numbers(), ElementsAre(2, -4, 1)) << name;
    EXPECT_EQ(run->times.size(), 3u);
  }
}

TEST(Execute, RefusesInputsOfAnotherNumberOrType) {
  const auto device = *open_device("ref");
  EXPECT_THAT(execute(*device, doubled(), {}, {}).error().message, HasSubstr("has 1 inputs, but 0 tensors"));
  EXPECT_EQ(execute(*device, doubled(), {}, {row({1})}).error().message,
            "input x is tensor<fp32, [3]>, but a tensor of tensor<fp32, [1]> is given");
}

TEST(Execute, RefusesWhatNoMemoryHolds) {
  mil::Builder b;
  b.output("y",
           b.apply("fill", {{"shape", Tensor::ints({1 << 30, 1 << 10})}, {"value", Tensor::scalar(DType::fp32, 1)}}));
  const mil::Function function = *b.finish();
  for (const std::string& name : host_device_names()) {
    const auto device = open_device(name);
    if (!device) continue;
    EXPECT_THAT(execute(**device, function, {}, {}).error().message, HasSubstr("of this machine's memory hold"));
  }
}

TEST(Execute, StatesStartAnewAndAreReturned) {
  mil::Builder b;
  const mil::Value state = b.input("s", {.dtype = DType::fp16, .shape = {2}, .state = true});
  const mil::Value sum = b.apply("read_state", {{"input", state}}) + 1.0;
  b.apply_all("write_state", {{"input", state}, {"data", sum}});
  b.output("y", sum * 2.0);
  const mil::Function function = *b.finish();
  const auto start = Tensor::from_numbers({DType::fp16, {2}}, std::vector<double>{5, 7});
  for (const std::string& name : host_device_names()) {
    const auto device = open_device(name);
    if (!device) continue;
    const auto run = execute(**device, function, {}, {start}, 3);
    ASSERT_TRUE(run) << run.error().message;
    EXPECT_THAT(run->outputs[0].numbers(), ElementsAre(12, 16)) << name;
    ASSERT_EQ(run->states.size(), 1u);
    EXPECT_THAT(run->states[0].numbers(), ElementsAre(6, 8)) << name;
  }
}

TEST(Difference, NamesTheLargestAndItsPlace) {
  const Difference d = difference(row({1, 2.5, NAN, -4, 7}), row({1, 2, NAN, -4.25, 7}));
  EXPECT_EQ(d.largest, 0.5);
  EXPECT_EQ(d.at, 1);
  EXPECT_EQ(d.magnitude, 7);
  EXPECT_EQ(d.elements, 2);
}

TEST(Difference, IsInfiniteWhereOneIsNoNumber) {
  EXPECT_EQ(difference(row({1, NAN}), row({1, 2})).largest, INFINITY);
  EXPECT_EQ(difference(row({INFINITY}), row({1})).largest, INFINITY);
  EXPECT_EQ(difference(row({INFINITY}), row({INFINITY})).largest, 0);
}

}  // namespace
}  // namespace anemone
