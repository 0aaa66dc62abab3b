#include "device/ref/ref_device.h"

#include <fmt/format.h>

#include "device/host_surface.h"
#include "mil/interpreter.h"
#include "mil/op.h"

namespace anemone {
namespace {

using Clock = std::chrono::steady_clock;

class RefRequest final : public Request {
 public:
  RefRequest(std::shared_ptr<const mil::Interpreter> interpreter, const Signature& signature,
             const std::vector<Surface*>& inputs, const std::vector<Surface*>& outputs)
      : interpreter_(std::move(interpreter)), outputs_(outputs), sources_(inputs) {
    for (const Port& port : signature.inputs) {
      arrays_.push_back({port.type, std::vector<double>(static_cast<size_t>(port.type.count()))});
    }
  }

  Result<RunTime> run() override {
    const auto start = Clock::now();
    for (size_t i = 0; i < arrays_.size(); ++i) read(*sources_[i], arrays_[i]);
    const std::vector<mil::Array> results = interpreter_->run_updating(arrays_);
    for (size_t i = 0; i < arrays_.size(); ++i) {
      if (arrays_[i].type.state) write(arrays_[i], *sources_[i]);
    }
    for (size_t i = 0; i < results.size(); ++i) write(results[i], *outputs_[i]);
    return RunTime{.wall = Clock::now() - start};
  }

 private:
  static void read(Surface& surface, mil::Array& array) {
    const Map map = surface.map(Access::read);
    for (size_t i = 0; i < array.data.size(); ++i) {
      array.data[i] = mil::load_number(array.type.dtype, map.bytes().data(), static_cast<int64_t>(i));
    }
  }

  static void write(const mil::Array& array, Surface& surface) {
    const Map map = surface.map(Access::write);
    for (size_t i = 0; i < array.data.size(); ++i) {
      mil::store_number(array.type.dtype, map.bytes().data(), static_cast<int64_t>(i), array.data[i]);
    }
  }

  std::shared_ptr<const mil::Interpreter> interpreter_;
  std::vector<Surface*> outputs_, sources_;
  std::vector<mil::Array> arrays_;
};

class RefProgram final : public Program {
 public:
  RefProgram(mil::Interpreter interpreter, Signature signature)
      : interpreter_(std::make_shared<mil::Interpreter>(std::move(interpreter))), signature_(std::move(signature)) {}

  const Signature& signature() const override { return signature_; }

  Result<std::unique_ptr<Request>> bind(const std::vector<Surface*>& inputs, const std::vector<Surface*>& outputs,
                                        const RequestOptions& options) const override {
    TRY(check_options("ref", options));
    TRY(check_surfaces(signature_, inputs, outputs));
    return std::make_unique<RefRequest>(interpreter_, signature_, inputs, outputs);
  }

 private:
  std::shared_ptr<const mil::Interpreter> interpreter_;
  Signature signature_;
};

class RefDevice final : public Device {
 public:
  explicit RefDevice(mil::Rounding rounding) : rounding_(rounding) {}

  DeviceInfo info() const override {
    return {.name = "ref", .description = "readable interpreter, double precision, one thread"};
  }
  std::vector<Fact> facts() const override {
    return {{"interpreter", "ops", fmt::format("{}", mil::all_ops().size())},
            {"interpreter", "numbers", "double"},
            {"interpreter", "rounding", rounding_ == mil::Rounding::none ? "of results alone" : "to declared types"}};
  }
  Result<std::unique_ptr<Surface>> allocate(size_t bytes) override { return std::make_unique<HostSurface>(bytes); }
  Result<std::unique_ptr<Program>> compile(const mil::Function& function, const mil::Weights& weights) override {
    return std::make_unique<RefProgram>(TRY(mil::Interpreter::create(function, weights, rounding_)),
                                        signature_of(function));
  }

 private:
  mil::Rounding rounding_;
};

}  // namespace

std::unique_ptr<Device> open_ref(const DeviceOptions& options) {
  const bool declared = options.precision == Precision::fp16;
  return std::make_unique<RefDevice>(declared ? mil::Rounding::declared : mil::Rounding::none);
}

}  // namespace anemone
