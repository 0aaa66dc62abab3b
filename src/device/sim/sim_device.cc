#include "device/sim/sim_device.h"

#include <fmt/format.h>

#include <algorithm>
#include <mutex>
#include <utility>

#include "device/host_surface.h"
#include "device/sim/arithmetic/number.h"
#include "device/sim/engine_calls.h"
#include "device/sim/facts.h"
#include "device/sim/limits.h"
#include "device/sim/lowering.h"
#include "device/sim/time/time_model.h"

namespace anemone::sim {
namespace {

using Clock = std::chrono::steady_clock;

// What the programs of a device share. They run one after another, as on one engine.
struct Engine {
  mil::Profile profile;
  Implementation implementation = Implementation::vectors;
  std::optional<Limits> limits{};
  Tables tables{};
  std::mutex running{};
  Buffer<Half> arena{};  // nothing in it outlives a run
  Buffer<float> scratch{};
  bool awake = false;  // from the first evaluation on; how the host's pauses compare with the engine's is not modelled

  // What the next evaluation takes longer for the engine being off before the first.
  std::chrono::nanoseconds wake() {
    if (std::exchange(awake, true)) return {};
    return wake_time(chip(profile.chip), std::chrono::hours(1));
  }

  void reserve(const Plan& plan) {
    const std::lock_guard lock(running);
    if (arena.size() < size_t(plan.arena_halves)) arena = Buffer<Half>(size_t(plan.arena_halves));
    if (scratch.size() < plan.scratch_floats) scratch = Buffer<float>(plan.scratch_floats);
  }
};

// A compiled program, which counts as loaded while it lives.
class Loaded {
 public:
  Loaded(std::shared_ptr<Engine> engine, Plan plan, const mil::Function& function)
      : engine_(std::move(engine)),
        plan_(std::move(plan)),
        signature_(signature_of(function)),
        time_(evaluation_time(engine_->profile.chip, function).total) {
    if (engine_->limits) engine_->limits->loaded();
  }
  ~Loaded() {
    if (engine_->limits) engine_->limits->unloaded();
  }
  Loaded(const Loaded&) = delete;
  Loaded& operator=(const Loaded&) = delete;

  Engine& engine() const { return *engine_; }
  const Plan& plan() const { return plan_; }
  const Signature& signature() const { return signature_; }
  std::chrono::nanoseconds time() const { return time_; }  // of one warm evaluation

 private:
  std::shared_ptr<Engine> engine_;
  Plan plan_;
  Signature signature_;
  std::chrono::nanoseconds time_;
};

// Between a surface's elements and halves: those of a half are the same bits.
void read(Surface& surface, mil::DType dtype, std::span<Half> to) {
  const Map map = surface.map(Access::read);
  if (dtype == mil::DType::fp16) {
    std::ranges::copy(map.as<Half>().first(to.size()), to.begin());
    return;
  }
  for (size_t i = 0; i < to.size(); ++i) to[i] = half_away(mil::load_number(dtype, map.bytes().data(), int64_t(i)));
}

void write(std::span<const Half> from, mil::DType dtype, Surface& surface) {
  const Map map = surface.map(Access::write);
  if (dtype == mil::DType::fp16) {
    std::ranges::copy(from, map.as<Half>().begin());
    return;
  }
  for (size_t i = 0; i < from.size(); ++i) mil::store_number(dtype, map.bytes().data(), int64_t(i), from[i].value());
}

class SimRequest final : public Request {
 public:
  SimRequest(std::shared_ptr<const Loaded> loaded, std::vector<Surface*> inputs, std::vector<Surface*> outputs,
             const RequestOptions& options)
      : loaded_(std::move(loaded)),
        inputs_(std::move(inputs)),
        outputs_(std::move(outputs)),
        options_(options),
        bases_(loaded_->plan().buffers.size()) {}

  Result<RunTime> run() override {
    const auto start = Clock::now();
    Engine& engine = loaded_->engine();
    if (engine.limits) TRY(engine.limits->check_run(options_));
    const std::lock_guard lock(engine.running);
    for (size_t i = 0; i < bases_.size(); ++i) bases_[i] = base(loaded_->plan().buffers[i]);
    const Memory memory(bases_, engine.scratch.data());
    const Plan& plan = loaded_->plan();
    for (size_t i = 0; i < inputs_.size(); ++i) {
      read(*inputs_[i], loaded_->signature().inputs[i].type.dtype, elements(memory, plan.inputs[i]));
    }
    for (const Step& step : plan.steps) step(memory);
    for (size_t i = 0; i < inputs_.size(); ++i) {
      const mil::TensorType& type = loaded_->signature().inputs[i].type;
      if (type.state) write(elements(memory, plan.inputs[i]), type.dtype, *inputs_[i]);
    }
    for (size_t i = 0; i < outputs_.size(); ++i) {
      write(elements(memory, plan.outputs[i]), loaded_->signature().outputs[i].type.dtype, *outputs_[i]);
    }
    return RunTime{.wall = Clock::now() - start, .device = loaded_->time() + engine.wake(), .modelled = true};
  }

 private:
  Half* base(const PlanBuffer& buffer) const {
    // Steps only read constants.
    if (buffer.place == Place::constant) return const_cast<Half*>(loaded_->plan().constants[buffer.index].data());
    return loaded_->engine().arena.data() + buffer.offset;
  }
  static std::span<Half> elements(const Memory& memory, const View& view) {
    return {memory.at(view), size_t(view.count())};
  }

  std::shared_ptr<const Loaded> loaded_;
  std::vector<Surface*> inputs_, outputs_;
  RequestOptions options_;
  std::vector<Half*> bases_;
};

class SimProgram final : public Program {
 public:
  explicit SimProgram(std::shared_ptr<Loaded> loaded) : loaded_(std::move(loaded)) {}

  const Signature& signature() const override { return loaded_->signature(); }

  Result<std::unique_ptr<Request>> bind(const std::vector<Surface*>& inputs, const std::vector<Surface*>& outputs,
                                        const RequestOptions& options) const override {
    TRY(check_surfaces(signature(), inputs, outputs));
    Engine& engine = loaded_->engine();
    if (engine.limits) TRY(engine.limits->check_bind(signature(), inputs, outputs, options));
    engine.reserve(loaded_->plan());
    return std::make_unique<SimRequest>(loaded_, inputs, outputs, options);
  }

 private:
  std::shared_ptr<Loaded> loaded_;
};

class SimDevice final : public Device {
 public:
  explicit SimDevice(std::shared_ptr<Engine> engine) : engine_(std::move(engine)), calls_(engine_->profile) {}

  DeviceInfo info() const override {
    const ChipModel& model = chip(engine_->profile.chip);
    DeviceInfo info{.name = "sim:" + to_string(engine_->profile),
                    .description = fmt::format("simulated Neural Engine of {} ({}), time modelled",
                                               to_string(engine_->profile.chip), model.engine),
                    .peak_flops = model.peak_flops()};
    if (engine_->limits) info.compiles_left = engine_->limits->compiles_left();
    return info;
  }
  std::vector<Fact> facts() const override { return facts_of(engine_->profile); }
  EngineCalls* engine_calls() override { return &calls_; }

  Result<std::unique_ptr<Surface>> allocate(size_t bytes) override { return std::make_unique<HostSurface>(bytes); }

  Result<std::unique_ptr<Program>> compile(const mil::Function& function, const mil::Weights& weights) override {
    if (engine_->limits) TRY(engine_->limits->check_compile(function, weights));
    const Target target{engine_->profile, &kernels(engine_->implementation), &engine_->tables};
    return std::make_unique<SimProgram>(
        std::make_shared<Loaded>(engine_, TRY(lower(function, weights, target)), function));
  }

 private:
  std::shared_ptr<Engine> engine_;
  PublishedCalls calls_;
};

}  // namespace

std::unique_ptr<Device> open_without_limits(const mil::Profile& profile, Implementation implementation) {
  auto engine = std::make_shared<Engine>();
  engine->profile = profile;
  engine->implementation = implementation;
  return std::make_unique<SimDevice>(std::move(engine));
}

}  // namespace anemone::sim

namespace anemone {

Result<std::unique_ptr<Device>> open_sim(std::string_view profile, const DeviceOptions& options) {
  auto engine = std::make_shared<sim::Engine>();
  engine->profile = TRY(mil::parse_profile(profile));
  if (options.precision != Precision::fp16) {
    return fail("sim:{} computes as the engine does, in fp16: --precision {} is for cpu and ref", profile,
                to_string(options.precision));
  }
  engine->limits.emplace(engine->profile, options.strict);
  return std::make_unique<sim::SimDevice>(std::move(engine));
}

}  // namespace anemone
