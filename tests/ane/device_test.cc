// The device as programs see it, on the double.
#include <thread>

#include "base/half.h"
#include "device/host_surface.h"
#include "double_control.h"

namespace anemone {
namespace {

using mil::Builder;
using mil::DType;
using mil::TensorType;
using mil::Value;
using testing::AllOf;
using testing::Contains;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;
using testing::SizeIs;

class AneDevice : public WithDouble {};

std::string error_of(const Result<double>& result) { return result ? "" : result.error().message; }

TEST_F(AneDevice, RunsAndTakesTheFolderAwayAfterwards) {
  const Doubling doubling;
  auto program = device().compile(doubling.function, doubling.weights);
  ASSERT_TRUE(program) << program.error().message;
  EXPECT_THAT(left_behind(), SizeIs(2));  // the record of this process, and the program's folder
  program->reset();
  EXPECT_THAT(left_behind(), SizeIs(1));
  const Result<double> y = run_once(device(), doubling);
  ASSERT_TRUE(y) << y.error().message;
  EXPECT_EQ(*y, 6);
}

TEST_F(AneDevice, ProgramsOfTheSameTextAndWeightsAreCompiledOnce) {
  const int before = ane_double().compiles();
  const Doubling twice(2), again(2), thrice(3);
  const auto a = device().compile(twice.function, twice.weights), b = device().compile(again.function, again.weights);
  EXPECT_EQ(ane_double().compiles(), before + 1);
  const auto c = device().compile(thrice.function, thrice.weights);
  EXPECT_EQ(ane_double().compiles(), before + 2);
  EXPECT_EQ(*run_once(device(), twice), 6);
  EXPECT_EQ(*run_once(device(), thrice), 9);
}

TEST_F(AneDevice, CountsCompiles) {
  const int64_t before = device().info().compiles_left.value();
  run_once(device(), Doubling(2)).value();
  run_once(device(), Doubling(3)).value();
  EXPECT_EQ(device().info().compiles_left, before - 2);
}

TEST_F(AneDevice, AProgramHasSeveralRequests) {
  const Doubling doubling;
  const auto program = device().compile(doubling.function, doubling.weights).value();
  Bound first(device(), *program), second(device(), *program);
  const auto a = program->bind(first.in(), first.out()).value(), b = program->bind(second.in(), second.out()).value();
  fill(*first.inputs[0], 1, 256);
  fill(*second.inputs[0], 10, 256);
  for (int i = 0; i < 2; ++i) {
    ASSERT_TRUE(a->run());
    ASSERT_TRUE(b->run());
  }
  EXPECT_EQ(at(*first.outputs[0], 7), 2);
  EXPECT_EQ(at(*second.outputs[0], 7), 20);
}

TEST_F(AneDevice, ARequestOutlivesItsProgramAndItsDevice) {
  const Doubling doubling;
  auto program = device().compile(doubling.function, doubling.weights).value();
  Bound bound(device(), *program);
  auto request = program->bind(bound.in(), bound.out()).value();
  program.reset();
  close();
  fill(*bound.inputs[0], 4, 256);
  ASSERT_TRUE(request->run());
  EXPECT_EQ(at(*bound.outputs[0], 0), 8);
}

TEST_F(AneDevice, TwoThreadsRunAtOnce) {
  const auto work = [&](double factor) {
    for (int i = 0; i < 20; ++i) {
      const Result<double> y = run_once(device(), Doubling(factor + i));
      EXPECT_EQ(y.value_or(-1), 3 * (factor + i)) << error_of(y);
    }
  };
  std::thread one(work, 1), other(work, 11);  // half of the programs are the same
  one.join();
  other.join();
}

// ---- Ports

// Three inputs whose names, sizes and places are in three different orders; two outputs as well.
TEST_F(AneDevice, BindsSeveralPortsInAnOrderThatAllEnginesTake) {
  Builder b;
  const Value z = b.input("z", {DType::fp16, {1, 4, 1, 32}});
  const Value x = b.input("x", {DType::fp16, {1, 16, 1, 2048}});
  const Value y = b.input("y", {DType::fp16, {1, 1, 1, 32}});
  b.output("small", z + y);
  b.output("large", x * 2.0);
  const auto function = b.finish().value();
  const auto program = device().compile(function, {}).value();
  Bound bound(device(), *program);
  const auto request = program->bind(bound.in(), bound.out());
  ASSERT_TRUE(request) << request.error().message;
  fill(*bound.inputs[0], 1, 128);
  fill(*bound.inputs[1], 5, 16 * 2048);
  fill(*bound.inputs[2], 0.5, 32);
  const Result<RunTime> ran = (*request)->run();
  ASSERT_TRUE(ran) << ran.error().message;
  EXPECT_EQ(at(*bound.outputs[0], 127), 1.5);
  EXPECT_EQ(at(*bound.outputs[1], 16 * 2048 - 1), 10);
  EXPECT_EQ(program->signature().inputs[0].name, "z");
  EXPECT_EQ(program->signature().outputs[1].name, "large");
}

// The double refuses rows that are no multiple of 32, and what stands behind a tensor is no number.
TEST_F(AneDevice, WidensNarrowRows) {
  for (const mil::Shape& shape :
       {mil::Shape{1, 64, 1, 8}, mil::Shape{1, 3, 1, 5}, mil::Shape{1, 1, 1, 1}, mil::Shape{1, 600, 1, 100}}) {
    Builder b;
    b.output("y", b.input("x", {DType::fp16, shape}) * 2.0);
    const auto program = device().compile(b.finish().value(), {});
    ASSERT_TRUE(program) << program.error().message;
    Bound bound(device(), **program);
    const int64_t count = mil::count(shape);
    fill(*bound.inputs[0], 3, count);
    const Result<RunTime> ran = (*program)->bind(bound.in(), bound.out()).value()->run();
    ASSERT_TRUE(ran) << ran.error().message;
    for (int64_t i = 0; i < count; ++i) EXPECT_EQ(at(*bound.outputs[0], i), 6) << i;
    EXPECT_EQ((*program)->signature().inputs[0].type.shape, shape);
  }
}

// The engine's tensor of [1, 3, 1, 5] is larger: 64 channels.
TEST_F(AneDevice, LeavesWhatStandsBehindATensor) {
  Builder b;
  b.output("y", b.input("x", {DType::fp16, {1, 3, 1, 5}}) * 2.0);
  const auto program = device().compile(b.finish().value(), {}).value();
  const auto x = device().allocate(34).value(), y = device().allocate(34).value();
  fill(*x, 3, 17);
  fill(*y, 9, 17);
  ASSERT_TRUE(program->bind({x.get()}, {y.get()}).value()->run());
  EXPECT_EQ(at(*y, 14), 6);
  EXPECT_EQ(at(*y, 15), 9);
  EXPECT_EQ(at(*y, 16), 9);
}

TEST_F(AneDevice, TakesSurfacesOfOtherDevices) {
  const Doubling doubling;
  const auto program = device().compile(doubling.function, doubling.weights).value();
  HostSurface x(512), y(512);
  const auto request = program->bind({&x}, {&y}).value();
  for (double value : {3.0, 4.0}) {
    fill(x, value, 256);
    ASSERT_TRUE(request->run());
    EXPECT_EQ(at(y, 255), 2 * value);
  }
}

TEST_F(AneDevice, AnOutputMayBeAnInputOrStandTwice) {
  Builder b;
  const Value x = b.input("x", {DType::fp16, {1, 8, 1, 32}});
  b.output("y", x * 2.0);
  mil::Function function = b.finish().value();
  function.outputs.push_back(function.inputs[0]);
  function.outputs.push_back(function.outputs[0]);
  const auto program = device().compile(function, {});
  ASSERT_TRUE(program) << program.error().message;
  Bound bound(device(), **program);
  fill(*bound.inputs[0], 3, 256);
  const Result<RunTime> ran = (*program)->bind(bound.in(), bound.out()).value()->run();
  ASSERT_TRUE(ran) << ran.error().message;
  EXPECT_EQ(at(*bound.outputs[0], 9), 6);
  EXPECT_EQ(at(*bound.outputs[1], 9), 3);
  EXPECT_EQ(at(*bound.outputs[2], 9), 6);
}

TEST_F(AneDevice, SurfacesAreZeroedAndAsLargeAsAsked) {
  const std::unique_ptr<Surface> surface = device().allocate(100).value();
  EXPECT_EQ(surface->bytes(), 100U);
  const Map map = surface->map(Access::read);
  EXPECT_EQ(map.bytes().size(), 100U);
  for (std::byte byte : map.bytes()) EXPECT_EQ(byte, std::byte{});
}

TEST_F(AneDevice, RefusesSurfacesThatDoNotFit) {
  const Doubling doubling;
  const auto program = device().compile(doubling.function, doubling.weights).value();
  const auto small = device().allocate(511).value(), right = device().allocate(512).value();
  EXPECT_THAT(program->bind({small.get()}, {right.get()}).error().message, HasSubstr("needs 512 bytes"));
  EXPECT_THAT(program->bind({}, {right.get()}).error().message, HasSubstr("has 1 inputs"));
}

// ---- Refusals

TEST_F(AneDevice, KeepsNoStates) {
  Builder b;
  const Value x = b.input("cache", {.dtype = DType::fp16, .shape = {1, 8, 1, 32}, .state = true});
  b.output("y", b.apply("read_state", {{"input", x}}));
  const auto function = b.finish();
  ASSERT_TRUE(function) << function.error().message;
  EXPECT_THAT(device().compile(*function, {}).error().message, HasSubstr("cache is a state"));
}

TEST_F(AneDevice, PassesOnWhatTheCompilerSays) {
  Builder b;
  const Value x = b.input("x", {DType::fp16, {1, 8, 1, 32}});
  b.output("y", b.apply("cumsum", {{"x", x}, {"axis", mil::Tensor::integer(1)}}));
  const auto function = b.finish().value();
  const auto program = device().compile(function, {});
  ASSERT_FALSE(program);
  EXPECT_THAT(program.error().message, AllOf(HasSubstr("the engine's compiler refuses a program"), HasSubstr("C15"),
                                             HasSubstr("com.apple.appleneuralengine, code 1")));
}

TEST_F(AneDevice, WantsEveryWeight) {
  EXPECT_THAT(device().compile(Doubling().function, {}).error().message, HasSubstr("factor"));
}

TEST_F(AneDevice, ComputesInHalvesOnly) {
  const auto opened = open_device("ane", {.precision = Precision::fp32});
  EXPECT_THAT(opened.error().message, HasSubstr("ane computes in fp16"));
}

// ---- Options of requests

TEST_F(AneDevice, TakesEveryQualityOfService) {
  for (uint32_t qos : {0U, 21U, 63U}) EXPECT_EQ(*run_once(device(), Doubling(), {.qos = qos}), 6);
  EXPECT_THAT(error_of(run_once(device(), Doubling(), {.qos = 64})), HasSubstr("no quality of service 64"));
}

TEST_F(AneDevice, ExplainsAProcedureThatIsNotThere) {
  EXPECT_EQ(*run_once(device(), Doubling(), {.procedure = 15}), 6);
  EXPECT_THAT(error_of(run_once(device(), Doubling(), {.procedure = 16})),
              AllOf(HasSubstr("status=0x2"), HasSubstr("no procedure of that index")));
}

TEST_F(AneDevice, WeightsOfARequestChangeNothing) {
  const auto weights = device().allocate(512).value();
  fill(*weights, 100, 256);
  EXPECT_EQ(*run_once(device(), Doubling(), {.weights = weights.get()}), 6);
}

TEST_F(AneDevice, ConstantsAreBaked) {
  const Doubling doubling;
  const auto program = device().compile(doubling.function, doubling.weights).value();
  EXPECT_FALSE(program->reload(Doubling(3).weights).value());
}

// ---- Facts

TEST_F(AneDevice, TellsOfItselfAndOfItsClasses) {
  const DeviceInfo info = device().info();
  EXPECT_EQ(info.name, "ane");
  EXPECT_THAT(info.description, HasSubstr("Neural Engine h00double"));
  EXPECT_TRUE(info.leaves_host_free);
  const auto is = [](std::string group, std::string name) {
    return AllOf(testing::Field(&Fact::group, group), testing::Field(&Fact::name, name),
                 testing::Field(&Fact::value, Not(IsEmpty())));
  };
  const std::vector<Fact> facts = device().facts();
  EXPECT_THAT(facts, Contains(is("class _ANEInMemoryModel", "-compileWithQoS:options:error:")));
  EXPECT_THAT(facts, Contains(is("class _ANERequest",
                                 "+requestWithInputs:inputIndices:outputs:outputIndices:weightsBuffer:perfStats:"
                                 "procedureIndex:")));
  EXPECT_THAT(facts, Contains(testing::Field(&Fact::group, "class _ANEChainingRequest")));
  EXPECT_THAT(facts, Not(Contains(testing::Field(&Fact::group, HasSubstr("NSString")))));
}

}  // namespace
}  // namespace anemone
