// The time that a device's own clock tells reaches the reports of a run.
#include <gtest/gtest.h>

#include "train/single_layer.h"
#include "train/trainer_testing.h"

namespace anemone::train {
namespace {

constexpr std::chrono::microseconds kOneRun(250);

// The cpu device with a clock by which each run takes 250 µs; counts the runs.
class ClockedRequest final : public Request {
 public:
  ClockedRequest(std::unique_ptr<Request> request, int64_t& runs) : request_(std::move(request)), runs_(runs) {}
  Result<RunTime> run() override {
    RunTime time = TRY(request_->run());
    ++runs_;
    time.device = kOneRun;
    time.modelled = true;
    return time;
  }

 private:
  std::unique_ptr<Request> request_;
  int64_t& runs_;
};

class ClockedProgram final : public Program {
 public:
  ClockedProgram(std::unique_ptr<Program> program, int64_t& runs) : program_(std::move(program)), runs_(runs) {}
  const Signature& signature() const override { return program_->signature(); }
  Result<std::unique_ptr<Request>> bind(const std::vector<Surface*>& inputs, const std::vector<Surface*>& outputs,
                                        const RequestOptions& options) const override {
    return std::make_unique<ClockedRequest>(TRY(program_->bind(inputs, outputs, options)), runs_);
  }

 private:
  std::unique_ptr<Program> program_;
  int64_t& runs_;
};

class ClockedDevice final : public Device {
 public:
  DeviceInfo info() const override { return device_->info(); }
  std::vector<Fact> facts() const override { return device_->facts(); }
  Result<std::unique_ptr<Surface>> allocate(size_t bytes) override { return device_->allocate(bytes); }
  Result<std::unique_ptr<Program>> compile(const mil::Function& function, const mil::Weights& weights) override {
    return std::make_unique<ClockedProgram>(TRY(device_->compile(function, weights)), runs_);
  }

  double milliseconds() const { return std::chrono::duration<double, std::milli>(kOneRun).count() * double(runs_); }

 private:
  std::unique_ptr<Device> device_ = open_device("cpu", {.precision = Precision::fp32}).value();
  int64_t runs_ = 0;
};

TEST(DeviceTime, IsTheSumOfAStepsRuns) {
  ClockedDevice device;
  const text::TokenFile tokens = even_tokens();
  TrainOptions options = small_options();
  options.validation = 0;
  options.steps = 2;
  const auto trainer = Trainer::create(device, {.config = small_config(),
                                                .options = options,
                                                .tokens = &tokens,
                                                .checkpoint = fresh_folder() + "run.safetensors"})
                           .value();
  trainer->initialize();
  Recorder recorder;
  const RunSummary summary = trainer->run(recorder).value();
  ASSERT_TRUE(recorder.steps[0].device && recorder.steps[1].device && summary.device);
  EXPECT_TRUE(recorder.steps[1].device->modelled);
  EXPECT_TRUE(summary.device->modelled);
  EXPECT_GT(device.milliseconds(), 0);
  EXPECT_DOUBLE_EQ(recorder.steps[0].device->milliseconds, recorder.steps[1].device->milliseconds);
  EXPECT_DOUBLE_EQ(summary.device->milliseconds, device.milliseconds());
}

TEST(DeviceTime, IsThatOfASingleLayerToo) {
  ClockedDevice device;
  model::Config config = small_config();
  config.layers = 1;
  const auto task = SingleLayer::create(device, {config, 1, 8, mil::DType::fp32}, model::WeightSource::dynamic,
                                        Offload::core, Precision::fp32)
                        .value();
  const model::Parameters weights(config);
  ASSERT_TRUE(task->stage(weights));
  ASSERT_TRUE(task->loss({}, {}));
  ASSERT_TRUE(task->timers().device());
  EXPECT_DOUBLE_EQ(task->timers().device()->milliseconds, device.milliseconds());
  task->timers().clear();
  EXPECT_FALSE(task->timers().device());
}

TEST(DeviceTime, IsNotMadeUp) {
  SmallRun run(small_options(), fresh_folder() + "run.safetensors");
  run.trainer().initialize();
  Recorder recorder(1);
  const RunSummary summary = run.trainer().run(recorder).value();
  EXPECT_FALSE(recorder.steps[0].device);
  EXPECT_FALSE(summary.device);
}

}  // namespace
}  // namespace anemone::train
