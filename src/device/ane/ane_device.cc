#include "device/ane/ane_device.h"

#include <fmt/format.h>

#include "base/machine.h"
#include "device/ane/engine.h"
#include "device/ane/engine_calls.h"
#include "device/ane/io_surface.h"
#include "device/ane/program.h"
#include "mil/engine/rule.h"

namespace anemone::ane {
namespace {

class AneDevice final : public Device {
 public:
  explicit AneDevice(std::shared_ptr<Engine> engine) : engine_(std::move(engine)), calls_(*engine_) {}

  DeviceInfo info() const override {
    const Machine machine = this_machine();
    const std::string name = engine_->framework().engine_name();
    return {.name = "ane",
            .description =
                fmt::format("Neural Engine{}{} of {}, {}", name.empty() ? "" : " ", name, machine.cpu, machine.os),
            .compiles_left = engine_->compiles_left(),
            .leaves_host_free = true};
  }
  std::vector<Fact> facts() const override {
    const Pool pool;
    return engine_->framework().facts();
  }
  EngineCalls* engine_calls() override { return &calls_; }

  Result<std::unique_ptr<Surface>> allocate(size_t bytes) override { return TRY(IoSurface::create(bytes)); }

  Result<std::unique_ptr<anemone::Program>> compile(const mil::Function& function,
                                                    const mil::Weights& weights) override {
    EngineProgram program = TRY(engine_program(function, weights));
    std::shared_ptr<Loaded> loaded = TRY(engine_->load(program));
    return std::make_unique<Program>(engine_, std::move(loaded), std::move(program), signature_of(function));
  }

 private:
  std::shared_ptr<Engine> engine_;
  Calls calls_;
};

}  // namespace
}  // namespace anemone::ane

namespace anemone {

Result<std::unique_ptr<Device>> open_ane(const DeviceOptions& options) {
  std::shared_ptr<ane::Engine> engine = TRY(ane::Engine::open());
  if (options.precision != Precision::fp16) {
    return fail("ane computes in fp16: --precision {} is for cpu and ref", to_string(options.precision));
  }
  return std::make_unique<ane::AneDevice>(std::move(engine));
}

}  // namespace anemone
