#include "device/cpu/cpu_device.h"

#include <gmock/gmock.h>

#include <thread>

#include "device/cpu/lowering.h"
#include "mil/builder.h"

namespace anemone {
namespace {

using mil::DType;
using mil::Tensor;
using mil::Value;
using testing::HasSubstr;

constexpr DeviceOptions kFp32{.precision = Precision::fp32};

std::unique_ptr<Program> compile(Device& device, mil::Builder& builder, const mil::Weights& weights = {}) {
  auto function = builder.finish();
  EXPECT_TRUE(function) << function.error().message;
  auto program = device.compile(*function, weights);
  EXPECT_TRUE(program) << program.error().message;
  return std::move(*program);
}

std::string refusal(const mil::Function& function) {
  const auto program = open_cpu(kFp32)->compile(function, {});
  return program ? "" : program.error().message;
}

TEST(Cpu, HasARuleForEveryOpOfTheTable) {
  for (const mil::OpDef& op : mil::all_ops()) {
    EXPECT_TRUE(op.name == "const" || cpu::find_rule(op.name) != nullptr) << op.name;
  }
}

TEST(Cpu, RefusesAnOpItDoesNotKnowByName) {
  mil::Builder b;
  b.output("y", sigmoid(b.input("x", {DType::fp32, {3}})));
  mil::Function function = *b.finish();
  const mil::OpDef unknown{"einsum", {}, nullptr, nullptr};
  function.operations.back().op = &unknown;
  EXPECT_THAT(refusal(function), HasSubstr("einsum"));
}

TEST(Cpu, RefusesIntegersAtRunTimeNamingTheOp) {
  mil::Builder b;
  const Value x = b.input("x", {DType::fp32, {3}});
  b.output("y", cast(cast(x, DType::int32), DType::fp32));
  EXPECT_THAT(refusal(*b.finish()), testing::AllOf(HasSubstr("cast"), HasSubstr("int32")));
  mil::Builder c;
  c.output("y", cast(c.input("tokens", {DType::int32, {3}}), DType::fp32));
  EXPECT_THAT(refusal(*c.finish()), HasSubstr("tokens"));
}

TEST(Cpu, ReadsAWeightInPlace) {
  std::vector<float> weight{2, 3};
  mil::Builder b;
  b.output("y", b.input("x", {DType::fp32, {2}}) * b.weight("w", {DType::fp32, {2}}));
  mil::Weights weights;
  weights.set(mil::weight_file("w"), Tensor::view({DType::fp32, {2}}, std::as_bytes(std::span(weight))));
  const auto device = open_cpu(kFp32);
  const auto program = compile(*device, b, weights);
  const auto x = *device->allocate(8), y = *device->allocate(8);
  std::ranges::fill(x->map(Access::write).as<float>(), 10.0f);
  ASSERT_TRUE((*program->bind({x.get()}, {y.get()}))->run());
  EXPECT_THAT(y->map(Access::read).as<float>(), testing::ElementsAre(20, 30));
}

TEST(Cpu, RequestsShareAnArenaThatGrows) {
  const auto device = open_cpu(kFp32);
  const auto squares = [&](int64_t n) {
    mil::Builder b;
    const Value x = b.input("x", {DType::fp32, {n, 8}});
    b.output("y", sum(softmax(x, 0) * x, 1));
    return compile(*device, b);
  };
  const auto small = squares(4), large = squares(4000);
  const auto x = *device->allocate(4 * 8 * 4), y = *device->allocate(4 * 4);
  std::ranges::fill(x->map(Access::write).as<float>(), 2.0f);
  const auto request = *small->bind({x.get()}, {y.get()});
  ASSERT_TRUE(request->run());
  const auto big_x = *device->allocate(4000 * 8 * 4), big_y = *device->allocate(4000 * 4);
  const auto big = *large->bind({big_x.get()}, {big_y.get()});  // moves the arena
  ASSERT_TRUE(big->run());
  ASSERT_TRUE(request->run());
  EXPECT_THAT(y->map(Access::read).as<float>(), testing::Each(4));
}

TEST(Cpu, RequestsOfOneDeviceMayRunFromSeveralThreads) {
  const auto device = open_cpu(kFp32);
  mil::Builder b;
  const Value x = b.input("x", {DType::fp32, {64, 64}});
  b.output("y", matmul(x, softmax(x, 0)));
  const auto program = compile(*device, b);
  const auto run = [&](float value) {
    const auto in = *device->allocate(64 * 64 * 4), out = *device->allocate(64 * 64 * 4);
    std::ranges::fill(in->map(Access::write).as<float>(), value);
    const auto request = *program->bind({in.get()}, {out.get()});
    for (int i = 0; i < 50; ++i) ASSERT_TRUE(request->run());
    EXPECT_THAT(out->map(Access::read).as<float>(), testing::Each(testing::FloatNear(value, 1e-4f)));
  };
  std::thread other(run, 2.0f);
  run(3.0f);
  other.join();
}

TEST(Cpu, RefusesASurfaceThatIsReadAndWritten) {
  const auto device = open_cpu(kFp32);
  mil::Builder b;
  b.output("y", sigmoid(b.input("x", {DType::fp32, {2}})));
  const auto program = compile(*device, b);
  const auto x = *device->allocate(8);
  const auto request = program->bind({x.get()}, {x.get()});
  ASSERT_FALSE(request);
  EXPECT_THAT(request.error().message, HasSubstr("y"));
}

}  // namespace
}  // namespace anemone
