#include "device/cpu/cpu_device.h"

#include <fmt/format.h>

#include <algorithm>
#include <mutex>

#include "base/cpu_target.h"
#include "base/gemm.h"
#include "base/machine.h"
#include "base/parallel.h"
#include "device/cpu/lowering.h"
#include "device/host_surface.h"

namespace anemone {
namespace {

using Clock = std::chrono::steady_clock;

// The temporaries of all requests of a device, which therefore run one after another.
struct Arena {
  std::mutex mutex;
  Buffer<float> memory;

  void reserve(int64_t floats) {
    const std::lock_guard lock(mutex);
    if (memory.size() >= size_t(floats)) return;
    memory = {};  // nothing in it outlives a run
    memory = Buffer<float>(size_t(floats));
  }
};

// A program and what runs of it need.
struct Compiled {
  cpu::Plan plan;
  Signature signature;
  std::shared_ptr<Arena> arena;
};

using Surfaces = std::vector<std::byte*>;

class CpuRequest final : public Request {
 public:
  CpuRequest(std::shared_ptr<const Compiled> compiled, Surfaces inputs, Surfaces outputs)
      : compiled_(std::move(compiled)),
        inputs_(std::move(inputs)),
        outputs_(std::move(outputs)),
        bases_(compiled_->plan.buffers.size()) {}

  Result<RunTime> run() override {
    const auto start = Clock::now();
    const std::lock_guard lock(compiled_->arena->mutex);
    for (size_t i = 0; i < bases_.size(); ++i) bases_[i] = base(compiled_->plan.buffers[i]);
    const cpu::Pointers pointers(bases_);
    for (const cpu::Step& step : compiled_->plan.steps) step(pointers);
    return RunTime{.wall = Clock::now() - start};
  }

 private:
  float* base(const cpu::PlanBuffer& buffer) const {
    switch (buffer.place) {
      case cpu::Place::arena:
        return compiled_->arena->memory.data() + buffer.offset;
      case cpu::Place::constant:
        // Steps only read it.
        return static_cast<float*>(const_cast<void*>(compiled_->plan.constants[buffer.index].constant.data()));
      case cpu::Place::input:
        return reinterpret_cast<float*>(inputs_[buffer.index]);
      case cpu::Place::output:
        return reinterpret_cast<float*>(outputs_[buffer.index]);
    }
    return nullptr;
  }

  std::shared_ptr<const Compiled> compiled_;
  Surfaces inputs_, outputs_;
  std::vector<float*> bases_;
};

// The steps work on the surfaces' own memory, so it must be the host's; outputs and states must have theirs alone.
Result<Surfaces> host_memory(const std::vector<Surface*>& surfaces, const std::vector<Port>& ports) {
  Surfaces memory;
  for (size_t i = 0; i < surfaces.size(); ++i) {
    auto* surface = dynamic_cast<HostSurface*>(surfaces[i]);
    if (surface == nullptr) return fail("the surface of {} is another device's: allocate it from cpu", ports[i].name);
    memory.push_back(surface->data());
  }
  return memory;
}

Result<> check_apart(const Signature& signature, const Surfaces& inputs, const Surfaces& outputs) {
  const auto is_shared = [&](const std::byte* memory) {
    return std::ranges::count(inputs, memory) + std::ranges::count(outputs, memory) > 1;
  };
  for (size_t i = 0; i < outputs.size(); ++i) {
    if (!is_shared(outputs[i])) continue;
    return fail("output {} shares its surface: bind one of its own", signature.outputs[i].name);
  }
  for (size_t i = 0; i < inputs.size(); ++i) {
    if (!signature.inputs[i].type.state || !is_shared(inputs[i])) continue;
    return fail("state {} shares its surface: bind one of its own", signature.inputs[i].name);
  }
  return {};
}

class CpuProgram final : public Program {
 public:
  explicit CpuProgram(std::shared_ptr<Compiled> compiled) : compiled_(std::move(compiled)) {}

  const Signature& signature() const override { return compiled_->signature; }

  Result<std::unique_ptr<Request>> bind(const std::vector<Surface*>& inputs, const std::vector<Surface*>& outputs,
                                        const RequestOptions& options) const override {
    TRY(check_options("cpu", options));
    TRY(check_surfaces(signature(), inputs, outputs));
    Surfaces from = TRY(host_memory(inputs, signature().inputs));
    Surfaces to = TRY(host_memory(outputs, signature().outputs));
    TRY(check_apart(signature(), from, to));
    compiled_->arena->reserve(compiled_->plan.arena_floats);
    return std::make_unique<CpuRequest>(compiled_, std::move(from), std::move(to));
  }

  Result<bool> reload(const mil::Weights& weights) override { return cpu::reload(compiled_->plan, weights); }
  bool refresh(const mil::BlobReference& weight, int64_t row, int64_t rows) override {
    return cpu::refresh(compiled_->plan, weight, row, rows);
  }

 private:
  std::shared_ptr<Compiled> compiled_;
};

std::string processor_model() {
  const std::string name = this_machine().cpu;
  return name.empty() ? "this processor" : name;
}

std::string yes_or_no(bool yes) { return yes ? "yes" : "no"; }

std::vector<Fact> facts_of(const Machine& machine) {
  std::vector<Fact> facts{{"processor", "model", processor_model()},
                          {"processor", "cores", machine.cores == 0 ? "unknown" : fmt::format("{}", machine.cores)},
                          {"processor", "threads", fmt::format("{}", machine.threads)},
                          {"instructions", "vectors", std::string(vector_instructions())},
                          {"instructions", "bfloat16 products", yes_or_no(multiplies_bfloat16())},
                          {"instructions", "int8 products", yes_or_no(multiplies_bytes())}};
  for (const Cache& cache : machine.caches) {
    facts.push_back({"caches", fmt::format("level {}{}", cache.level, cache.unified ? "" : ", data"),
                     fmt::format("{} KiB", cache.bytes >> 10)});
  }
  facts.push_back({"libraries", "matrix products", product_library()});
  facts.push_back({"libraries", "vectors", vector_library()});
  return facts;
}

class CpuDevice final : public Device {
 public:
  explicit CpuDevice(Precision precision) : precision_(precision) {}

  DeviceInfo info() const override {
    return {.name = "cpu",
            .description = fmt::format("{}, {} threads, {} vectors{}", processor_model(), thread_count(),
                                       vector_instructions(), multiplies_bfloat16() ? ", bfloat16 products" : ""),
            .whole_attention = true};
  }
  std::vector<Fact> facts() const override { return facts_of(this_machine()); }
  Result<std::unique_ptr<Surface>> allocate(size_t bytes) override { return std::make_unique<HostSurface>(bytes); }
  Result<std::unique_ptr<Program>> compile(const mil::Function& function, const mil::Weights& weights) override {
    cpu::Plan plan = TRY(cpu::lower(function, weights, precision_));
    return std::make_unique<CpuProgram>(
        std::make_shared<Compiled>(Compiled{std::move(plan), signature_of(function), arena_}));
  }

 private:
  Precision precision_;
  std::shared_ptr<Arena> arena_ = std::make_shared<Arena>();
};

}  // namespace

std::unique_ptr<Device> open_cpu(const DeviceOptions& options) {
  return std::make_unique<CpuDevice>(options.precision);
}

}  // namespace anemone
