// The device as callers see it: surfaces, requests, states, types.
#include "device/sim/sim_device.h"

#include <gmock/gmock.h>

#include <thread>

#include "device/execute.h"
#include "device/sim/program_testing.h"

namespace anemone::sim {
namespace {

using mil::Chip;
using mil::DType;
using mil::Tensor;
using mil::Value;
using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;

std::unique_ptr<Device> device() { return open_without_limits({Chip::m4}, Implementation::vectors); }

std::unique_ptr<Program> compile(Device& device, Draft& draft) {
  auto program = device.compile(*draft.builder.finish(), draft.weights);
  EXPECT_TRUE(program) << program.error().message;
  return std::move(*program);
}

std::string refusal(Draft& draft) {
  const auto function = draft.builder.finish();
  EXPECT_TRUE(function) << function.error().message;
  const auto program = device()->compile(*function, draft.weights);
  return program ? "" : program.error().message;
}

void fill(Surface& surface, const std::vector<double>& numbers) {
  const Map map = surface.map(Access::write);
  for (size_t i = 0; i < numbers.size(); ++i) map.as<Half>()[i] = half_away(numbers[i]);
}

std::vector<double> numbers_of(Surface& surface, size_t count) {
  const Map map = surface.map(Access::read);
  std::vector<double> numbers;
  for (Half half : map.as<Half>().first(count)) numbers.push_back(half.value());
  return numbers;
}

// y = 2·x + w.
void write_small(Draft& d) {
  d.builder.output("y", d.input("x", {4}) * 2.0 + d.weight("w", halves({4}, {10, 20, 30, 40})));
}

TEST(Sim, RequestsOfOneProgramAreTheirOwn) {
  const auto sim = device();
  Draft d;
  write_small(d);
  const auto program = compile(*sim, d);
  const auto x = *sim->allocate(8), x2 = *sim->allocate(8), y = *sim->allocate(8), y2 = *sim->allocate(8);
  const auto first = *program->bind({x.get()}, {y.get()}), second = *program->bind({x2.get()}, {y2.get()});
  fill(*x, {1, 2, 3, 4});
  fill(*x2, {-1, -2, -3, -4});
  ASSERT_TRUE(first->run());
  ASSERT_TRUE(second->run());
  EXPECT_THAT(numbers_of(*y, 4), ElementsAre(12, 24, 36, 48));
  EXPECT_THAT(numbers_of(*y2, 4), ElementsAre(8, 16, 24, 32));
}

// Programs share the device's memory, which grows with the largest that was bound.
TEST(Sim, ProgramsOfOneDeviceDoNotDisturbEachOther) {
  const auto sim = device();
  Draft small, large;
  write_small(small);
  large.builder.output("y", softmax(large.input("x", {64, 256}) * 3.0, -1));
  const auto program = compile(*sim, small), other = compile(*sim, large);
  const auto x = *sim->allocate(8), y = *sim->allocate(8), z = *sim->allocate(64 * 256 * 2),
             s = *sim->allocate(64 * 256 * 2);
  const auto request = *program->bind({x.get()}, {y.get()});
  fill(*x, {1, 2, 3, 4});
  const auto between = *other->bind({z.get()}, {s.get()});
  std::thread thread([&] {
    for (int i = 0; i < 20; ++i) EXPECT_TRUE(between->run());
  });
  for (int i = 0; i < 20; ++i) {
    EXPECT_TRUE(request->run());
    EXPECT_THAT(numbers_of(*y, 4), ElementsAre(12, 24, 36, 48));
  }
  thread.join();
}

// A surface is its packed tensor first; what lies behind is left alone.
TEST(Sim, TakesLargerSurfacesAndThoseOfOtherDevices) {
  const auto sim = device();
  const auto cpu = *open_device("cpu");
  Draft d;
  write_small(d);
  const auto x = *cpu->allocate(8), y = *cpu->allocate(12);
  fill(*x, {1, 2, 3, 4});
  fill(*y, {0, 0, 0, 0, 7, 8});
  ASSERT_TRUE((*compile(*sim, d)->bind({x.get()}, {y.get()}))->run());
  EXPECT_THAT(numbers_of(*y, 6), ElementsAre(12, 24, 36, 48, 7, 8));
}

TEST(Sim, RefusesASurfaceThatIsTooSmall) {
  const auto sim = device();
  Draft d;
  write_small(d);
  const auto program = compile(*sim, d);
  const auto x = *sim->allocate(8), y = *sim->allocate(6);
  const auto request = program->bind({x.get()}, {y.get()});
  ASSERT_FALSE(request);
  EXPECT_THAT(request.error().message, AllOf(HasSubstr("output y"), HasSubstr("8 bytes"), HasSubstr("has 6")));
}

TEST(Sim, TellsAModelledTime) {
  Draft d;
  write_small(d);
  const auto execution = run_both(Chip::m4, *d.builder.finish(), d.weights, {halves({4}, {1, 2, 3, 4})});
  EXPECT_TRUE(execution.times[0].modelled);
  EXPECT_GT(execution.times[0].device->count(), 0);
}

TEST(Sim, OutputsMayBeInputsAndConstants) {
  Draft d;
  const Value x = d.input("x", {3});
  d.builder.output("same", x);
  d.builder.output("twice", x + x);
  d.builder.output("constant", d.weight("w", of_patterns({2}, {{0xFC00}, {0x8000}})));
  const auto outputs = run(Chip::m4, d, {of_patterns({3}, {{0x7E01}, {0x8000}, {0x3C00}})});
  EXPECT_EQ(patterns_of(outputs[0]), (Halves{{0x7E01}, {0x8000}, {0x3C00}}));
  EXPECT_EQ(patterns_of(outputs[1])[2].value(), 2);
  EXPECT_EQ(patterns_of(outputs[2]), (Halves{{0xFC00}, {0x8000}}));
}

// ---- States

// Adds x to a state, which stays from run to run; what was read before keeps its value.
TEST(Sim, StatesOutliveARun) {
  Draft d;
  const Value x = d.input("x", {2}), s = d.builder.input("s", {.dtype = DType::fp16, .shape = {2}, .state = true});
  const Value before = d.builder.apply("read_state", {{"input", s}});
  d.builder.apply_all("write_state", {{"input", s}, {"data", before + x}});
  d.builder.output("before", before);
  d.builder.output("after", d.builder.apply("read_state", {{"input", s}}) * 2.0);
  const auto function = *d.builder.finish();
  const auto once = run_both(Chip::m4, function, {}, {halves({2}, {1, 2}), halves({2}, {10, 20})});
  EXPECT_THAT(once.outputs[0].numbers(), ElementsAre(10, 20));
  EXPECT_THAT(once.outputs[1].numbers(), ElementsAre(22, 44));
  EXPECT_THAT(once.states[0].numbers(), ElementsAre(11, 22));

  const auto sim = device();
  const auto program = *sim->compile(function, {});
  const auto xs = *sim->allocate(4), state = *sim->allocate(4), y = *sim->allocate(4), z = *sim->allocate(4);
  const auto request = *program->bind({xs.get(), state.get()}, {y.get(), z.get()});
  fill(*xs, {1, 2});
  for (int i = 0; i < 3; ++i) ASSERT_TRUE(request->run());
  EXPECT_THAT(numbers_of(*state, 2), ElementsAre(3, 6));
  EXPECT_THAT(numbers_of(*z, 2), ElementsAre(6, 12));
}

// ---- What the engine lacks

TEST(Sim, RefusesIntegersOfTheRunByName) {
  Draft input, cast_to, output;
  const Value x = input.input("x", {4});
  const Value tokens = input.builder.input("tokens", {DType::int32, {3}});
  input.builder.output("y",
                       input.builder.apply("gather", {{"x", x}, {"indices", tokens}, {"axis", Tensor::integer(0)}}));
  EXPECT_THAT(refusal(input), AllOf(HasSubstr("C14"), HasSubstr("input tokens"), HasSubstr("int32")));
  cast_to.builder.output("y", cast(cast(cast_to.input("x", {4}), DType::int32), DType::fp16));
  EXPECT_THAT(refusal(cast_to), AllOf(HasSubstr("C14"), HasSubstr("cast"), HasSubstr("int32")));
  output.builder.output("y", output.input("x", {4}) * 2.0);
  output.builder.output("n", output.builder.constant(Tensor::ints({100000})));
  EXPECT_THAT(refusal(output), AllOf(HasSubstr("C14"), HasSubstr("output n"), HasSubstr("int32")));
}

TEST(Sim, ComputesInHalvesOnly) {
  const auto sim = open_device("sim:m4", {.precision = Precision::fp32});
  ASSERT_FALSE(sim);
  EXPECT_THAT(sim.error().message, AllOf(HasSubstr("fp16"), HasSubstr("fp32")));
}

// C20: on the direct path it makes no difference.
TEST(Sim, AttentionIgnoresItsMaskOnTheDirectPathAlone) {
  const auto attention = [](bool masked) {
    mil::Builder b;
    const Value q = b.input("q", {DType::fp16, {1, 1, 2, 2}}), v = b.input("v", {DType::fp16, {1, 1, 2, 2}});
    mil::Builder::Arguments arguments{{"query", q}, {"key", q}, {"value", v}};
    if (masked) arguments.emplace_back("attn_mask", halves({2, 2}, {0, -30000, 0, 0}));
    b.output("y", b.apply("scaled_dot_product_attention", arguments));
    return *b.finish();
  };
  const auto results = [&](bool masked, mil::Path path) {
    const auto sim = open_without_limits({.chip = Chip::m4, .path = path}, Implementation::vectors);
    const std::vector<Tensor> inputs{halves({1, 1, 2, 2}, {1, 0.3, 0.2, 0.9}), halves({1, 1, 2, 2}, {1, 2, 3, 4})};
    return execute(*sim, attention(masked), {}, inputs)->outputs[0].numbers();
  };
  EXPECT_EQ(results(true, mil::Path::direct), results(false, mil::Path::direct));
  EXPECT_NE(results(true, mil::Path::coreml), results(false, mil::Path::coreml));
  EXPECT_THAT(results(true, mil::Path::coreml), testing::Contains(2)) << "the first value alone";
}

}  // namespace
}  // namespace anemone::sim
