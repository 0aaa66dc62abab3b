#include "bridge/session.h"

#include <gmock/gmock.h>

#include <atomic>
#include <barrier>
#include <cstdlib>
#include <thread>

#include "base/half.h"
#include "mil/blob.h"
#include "mil/builder.h"
#include "mil/printer.h"

namespace anemone::bridge {
namespace {

using mil::Builder;
using mil::DType;
using mil::Tensor;
using testing::Each;
using testing::HasSubstr;

constexpr size_t kBytes = 8 * 4 * sizeof(Half);  // [1, 8, 1, 4]
const mil::TensorType kType{DType::fp16, {1, 8, 1, 4}};

// y = x times `factor`.
std::string scale(double factor) {
  Builder b("main");
  b.output("y", b.input("x", kType) * factor);
  return mil::print(*b.finish());
}

Sizes sizes() { return {.inputs = {kBytes}, .weights = {}, .outputs = {kBytes}}; }

std::vector<float> run(Kernel& kernel, float x) {
  const std::vector<Half> input(kBytes / sizeof(Half), Half::from(x));
  std::vector<Half> output(input.size());
  EXPECT_TRUE(kernel.write_input(0, std::as_bytes(std::span(input))));
  EXPECT_TRUE(kernel.run());
  EXPECT_TRUE(kernel.read_output(0, std::as_writable_bytes(std::span(output))));
  std::vector<float> values(output.size());
  to_float(output, values.data());
  return values;
}

// Sets ANEMONE_DEVICE while it lives.
class DeviceVariable {
 public:
  explicit DeviceVariable(const char* value) { setenv("ANEMONE_DEVICE", value, 1); }
  ~DeviceVariable() { unsetenv("ANEMONE_DEVICE"); }
};

TEST(Session, DefaultDeviceIsTheVariables) {
  const DeviceVariable variable("sim:m1");
  Session session;
  ASSERT_TRUE(session.open_default());
  EXPECT_EQ(session.device_name(), "sim:m1");
}

TEST(Session, DefaultDeviceIsNeverAnotherThanTheVariables) {
  const DeviceVariable variable("abacus");
  Session session;
  const auto opened = session.open_default();
  ASSERT_FALSE(opened);
  EXPECT_THAT(opened.error().message, HasSubstr("abacus"));
  EXPECT_EQ(session.device_name(), "");
}

TEST(Session, DefaultDeviceIsTheEngineOrElseCpu) {
  Session session;
  ASSERT_TRUE(session.open_default());
  EXPECT_EQ(session.device_name(), open_device("ane") ? "ane" : "cpu");
}

TEST(Session, DefaultLeavesTheDeviceThatIsOpen) {
  Session session;
  ASSERT_TRUE(session.open("ref"));
  ASSERT_TRUE(session.open_default());
  EXPECT_EQ(session.device_name(), "ref");
}

TEST(Session, KernelsStayOnTheirDevice) {
  Session session;
  ASSERT_TRUE(session.open("ref"));
  auto before = session.compile({scale(2), {}}, sizes());
  ASSERT_TRUE(before) << before.error().message;
  EXPECT_EQ(session.compiles(), 1);
  ASSERT_TRUE(session.open("cpu"));
  EXPECT_EQ(session.compiles(), 0);
  auto after = session.compile({scale(2), {}}, sizes());
  EXPECT_EQ(session.compiles(), 1) << "the other device's program is not this one's";
  EXPECT_THAT(run(**before, 3), Each(6));
  EXPECT_THAT(run(**after, 4), Each(8));
}

TEST(Session, DeviceThatDoesNotOpenChangesNothing) {
  Session session;
  ASSERT_TRUE(session.open("ref"));
  ASSERT_TRUE(session.compile({scale(2), {}}, sizes()));
  ASSERT_FALSE(session.open("sim:m0"));
  EXPECT_EQ(session.device_name(), "ref");
  EXPECT_EQ(session.compiles(), 1);
  ASSERT_TRUE(session.open("ref"));
  EXPECT_EQ(session.compiles(), 1) << "it was open";
}

std::string error_of(const Result<>& result) { return result ? "" : result.error().message; }

TEST(Session, RealTimeTasksAreTheEngines) {
  Session session;
  EXPECT_THAT(error_of(session.set_real_time(true)), HasSubstr("no device is open"));
  ASSERT_TRUE(session.open("cpu"));
  EXPECT_THAT(error_of(session.set_real_time(true)), HasSubstr("cpu has no real-time task to begin"));
  ASSERT_TRUE(session.open("sim:m1"));
  EXPECT_THAT(error_of(session.set_real_time(true)), HasSubstr("nobody has published what m1"));
  ASSERT_TRUE(session.open("sim:m4"));
  EXPECT_TRUE(session.set_real_time(true));
  EXPECT_THAT(error_of(session.set_real_time(true)), HasSubstr("begun already"));
  EXPECT_TRUE(session.set_real_time(false));
  EXPECT_THAT(error_of(session.set_real_time(false)), HasSubstr("none has begun"));
}

TEST(Session, KeepsTheLatest32Programs) {
  Session session;
  ASSERT_TRUE(session.open("ref"));
  for (int factor = 0; factor < 32; ++factor) ASSERT_TRUE(session.compile({scale(factor), {}}, sizes()));
  ASSERT_TRUE(session.compile({scale(0), {}}, sizes()));  // now the latest
  EXPECT_EQ(session.compiles(), 32);
  ASSERT_TRUE(session.compile({scale(32), {}}, sizes()));  // 1 goes
  ASSERT_TRUE(session.compile({scale(0), {}}, sizes()));
  EXPECT_EQ(session.compiles(), 33);
  ASSERT_TRUE(session.compile({scale(1), {}}, sizes()));
  EXPECT_EQ(session.compiles(), 34);
}

TEST(Session, ProgramThatFailsIsNotKept) {
  Session session;
  ASSERT_TRUE(session.open("ref"));
  EXPECT_FALSE(session.compile({"program", {}}, sizes()));
  EXPECT_FALSE(session.compile({"program", {}}, sizes()));
  EXPECT_FALSE(session.compile({scale(2), {}}, {}));
  EXPECT_EQ(session.compiles(), 1) << "the text is right, only the sizes are not";
}

// Two programs of one text differ where their weights do: none of them is kept.
TEST(Session, WeightsAreThoseGiven) {
  Builder b("main");
  const std::string path = "@model_path/weights/w.bin";
  b.output("y", b.input("x", kType) + b.weight("w", kType));
  const std::string text = mil::print(*b.finish());
  Session session;
  ASSERT_TRUE(session.open("cpu"));
  for (const float w : {1.0f, 2.0f}) {
    const std::vector<double> values(static_cast<size_t>(kType.count()), w);
    std::vector<std::byte> file = *mil::write_blob(Tensor::from_numbers(kType, values));
    auto kernel = session.compile({text, {{path, file}}}, sizes());
    ASSERT_TRUE(kernel) << kernel.error().message;
    file.assign(file.size(), std::byte{0xFF});  // the kernel has its own copy
    EXPECT_THAT(run(**kernel, 10), Each(10 + w));
  }
  EXPECT_EQ(session.compiles(), 2);
}

TEST(Session, FlexibleShapesAreRefused) {
  constexpr std::string_view kText =
      "program(1.3) { func main<ios18>(tensor<fp16, [1, ?]> x) { tensor<fp16, [1, ?]> y = sigmoid(x = x); } -> (y); }";
  Session session;
  ASSERT_TRUE(session.open("cpu"));
  const auto kernel = session.compile({kText, {}}, sizes());
  ASSERT_FALSE(kernel);
  EXPECT_THAT(kernel.error().message, HasSubstr("x is tensor<fp16, [1, ?]>"));
}

TEST(Session, TheOnlyFunctionRunsWhateverItsName) {
  std::string text = scale(5);
  text.replace(text.find("main"), 4, "five");
  Session session;
  ASSERT_TRUE(session.open("ref"));
  auto kernel = session.compile({text, {}}, sizes());
  ASSERT_TRUE(kernel) << kernel.error().message;
  EXPECT_THAT(run(**kernel, 2), Each(10));
}

// As clients do: each thread opens the device, compiles what another compiles too, and runs what it has.
void use_from_threads(const std::string& device) {
  constexpr int kThreads = 8;
  Session session;
  std::vector<std::thread> threads;
  std::barrier start(kThreads);
  std::atomic<int> right = 0;
  for (int i = 0; i < kThreads; ++i) {
    threads.emplace_back([&, i] {
      start.arrive_and_wait();
      if (!session.open(device)) return;
      const float factor = static_cast<float>(i / 2 + 1);
      auto kernel = session.compile({scale(factor), {}}, sizes());
      for (int x = 1; kernel && x <= 10; ++x) {
        const std::vector<float> expected(kBytes / sizeof(Half), factor * static_cast<float>(x));
        if (run(**kernel, static_cast<float>(x)) == expected) ++right;
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(right, 10 * kThreads) << device;
  EXPECT_EQ(session.compiles(), kThreads / 2) << device << " was opened once, and each program compiled once";
}

TEST(Session, ThreadsCompileAndRunSideBySide) {
  for (const char* device : {"cpu", "ref", "sim:m4"}) {
    for (int round = 0; round < 20; ++round) use_from_threads(device);
  }
}

// Writers, runners and readers of two kernels: every output that is read is one input's whole.
TEST(Session, CallsOnOneKernelTakeTurns) {
  constexpr size_t kLarge = 64 * 256 * sizeof(Half);
  Builder b("main");
  b.output("y", b.input("x", {DType::fp16, {1, 64, 1, 256}}) * 1.0);
  const std::string text = mil::print(*b.finish());
  const Sizes large{.inputs = {kLarge}, .weights = {}, .outputs = {kLarge}};
  Session session;
  ASSERT_TRUE(session.open("cpu"));
  auto first = session.compile({text, {}}, large), second = session.compile({text, {}}, large);
  ASSERT_TRUE(first && second);
  std::atomic<int> torn = 0, failed = 0;
  std::barrier start(4);
  const auto use = [&](Kernel& kernel, Kernel& other, float value) {
    const std::vector<Half> input(kLarge / sizeof(Half), Half::from(value));
    std::vector<Half> output(input.size());
    start.arrive_and_wait();
    for (int i = 0; i < 3000; ++i) {
      if (!kernel.write_input(0, std::as_bytes(std::span(input)))) ++failed;
      if (!kernel.run() || !Kernel::copy(kernel, 0, other, 0)) ++failed;
      if (!kernel.read_output(0, std::as_writable_bytes(std::span(output)))) ++failed;
      if (output != std::vector<Half>(output.size(), output[0])) ++torn;
    }
  };
  std::vector<std::thread> threads;
  for (const float value : {1.0f, 2.0f}) {
    threads.emplace_back(use, std::ref(**first), std::ref(**second), value);
    threads.emplace_back(use, std::ref(**second), std::ref(**first), -value);
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(torn, 0);
  EXPECT_EQ(failed, 0);
}

}  // namespace
}  // namespace anemone::bridge
