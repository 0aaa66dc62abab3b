// Where a program runs: four nouns, few verbs.
//
//   std::unique_ptr<Device> device = TRY(open_device("cpu"));
//   std::unique_ptr<Program> program = TRY(device->compile(function, weights));
//   std::unique_ptr<Surface> x = TRY(device->allocate(program->signature().inputs[0].type.bytes()));
//   std::unique_ptr<Surface> y = TRY(device->allocate(program->signature().outputs[0].type.bytes()));
//   std::unique_ptr<Request> request = TRY(program->bind({x.get()}, {y.get()}));
//   { Map map = x->map(Access::write); fill(map.as<Half>()); }
//   RunTime time = TRY(request->run());
//
// Ownership: a Program keeps what it needs of its Device's resources, a Request what it needs of its Program; surfaces
// belong to the caller and must outlive the requests bound to them. Threads: distinct requests may run at once if they
// share no surface that one of them writes; a surface must not be mapped for writing while a request that reads it
// runs.
#pragma once

#include <chrono>
#include <cstddef>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/check.h"
#include "base/result.h"
#include "mil/function.h"

namespace anemone {

enum class Access { read, write };

// A locked view of a surface's memory; unlocks in its destructor.
class Map {
 public:
  using Unlock = void (*)(void* context, Access access);

  explicit Map(std::span<std::byte> bytes, Access access = Access::write, Unlock unlock = nullptr,
               void* context = nullptr)
      : bytes_(bytes), access_(access), unlock_(unlock), context_(context) {}
  Map(const Map&) = delete;
  Map& operator=(const Map&) = delete;
  ~Map() {
    if (unlock_ != nullptr) unlock_(context_, access_);
  }

  std::span<std::byte> bytes() const { return bytes_; }
  // The memory as packed elements: Half for fp16, float for fp32.
  template <class T>
  std::span<T> as() const {
    return {reinterpret_cast<T*>(bytes_.data()), bytes_.size() / sizeof(T)};
  }

 private:
  std::span<std::byte> bytes_;
  Access access_;
  Unlock unlock_;
  void* context_;
};

// Memory that the host and the device both see: one packed tensor, zeroed at first.
class Surface {
 public:
  virtual ~Surface() = default;
  virtual size_t bytes() const = 0;
  virtual Map map(Access access) = 0;
};

// How long one run took, by the clocks that there are.
struct RunTime {
  std::chrono::nanoseconds wall{};                   // on the host, around the whole call
  std::optional<std::chrono::nanoseconds> device{};  // by the device's own clock, where it has one
  bool modelled = false;                             // the device's time is a model's, not a clock's
};

// A program with surfaces bound. run() blocks and allocates nothing, but where a device falls back on the op table's
// reference evaluation.
class Request {
 public:
  virtual ~Request() = default;
  virtual Result<RunTime> run() = 0;
};

struct Port {
  std::string name;
  mil::TensorType type;
};

// In the order of the function's inputs and outputs.
struct Signature {
  std::vector<Port> inputs, outputs;
};

// How a program is asked to run, as the Neural Engine's requests say it.
struct RequestOptions {
  uint32_t qos = 21;           // quality of service, 0 to 63
  uint32_t procedure = 0;      // the index of a function
  Surface* weights = nullptr;  // meant to stand for the constants
};

// A compiled function.
class Program {
 public:
  virtual ~Program() = default;
  virtual const Signature& signature() const = 0;
  // Surfaces in the order of the signature. Fails where their number is wrong or one is smaller than its tensor, and
  // where the device has nothing like an option that is not left at its default.
  virtual Result<std::unique_ptr<Request>> bind(const std::vector<Surface*>& inputs,
                                                const std::vector<Surface*>& outputs,
                                                const RequestOptions& options) const = 0;
  Result<std::unique_ptr<Request>> bind(const std::vector<Surface*>& inputs,
                                        const std::vector<Surface*>& outputs) const {
    return bind(inputs, outputs, RequestOptions());
  }
  // Takes new values for the constants that stand in `weights`, for all requests, none of which runs meanwhile. False,
  // and nothing changed, where the device bakes constants for good: compile again.
  virtual Result<bool> reload(const mil::Weights& weights);
  // Rows [row, row + rows) of the floats that such constants were made of (mil::Tensor::of_floats) have changed: takes
  // them in, while no request runs. Several threads may tell of distinct rows at once. False as for reload().
  virtual bool refresh(const mil::BlobReference& weight, int64_t row, int64_t rows);
};

struct DeviceInfo {
  std::string name;                        // "cpu", "sim:m4", "ane"
  std::string description;                 // for people: processor, threads, vector width
  std::optional<double> peak_flops{};      // a second, where it is known
  std::optional<int64_t> compiles_left{};  // where that is finite
  bool leaves_host_free = false;           // the host's cores idle while a request runs
  bool whole_attention = false;            // takes the backward pass of attention as one program
};

// Something that a device has or keeps to, for people: {"instructions", "AVX-512 BF16", ""}.
struct Fact {
  std::string group, name, value;
};

class EngineCalls;  // device/engine_calls.h

class Device {
 public:
  virtual ~Device() = default;
  virtual DeviceInfo info() const = 0;
  // What there is to tell of it, group by group: instructions, caches and libraries; rules and figures; classes and
  // their selectors.
  virtual std::vector<Fact> facts() const = 0;
  // Null where the device is no engine.
  virtual EngineCalls* engine_calls() { return nullptr; }
  virtual Result<std::unique_ptr<Surface>> allocate(size_t bytes) = 0;
  virtual Result<std::unique_ptr<Program>> compile(const mil::Function& function, const mil::Weights& weights) = 0;
};

// How much of a value is kept between ops.
enum class Precision {
  fp32,  // cpu: float throughout; rounded only where a result leaves through a surface. ref: double throughout
  fp16,  // each op's result is rounded to its declared type
  // cpu: matrix products take bfloat16 operands and accumulate in float; the rest as fp32. Of products with a few
  // columns only the constants are bfloat16.
  bf16,
};
std::string_view to_string(Precision precision);
Result<Precision> parse_precision(std::string_view name);

struct DeviceOptions {
  Precision precision = Precision::fp16;
  bool strict = false;  // sim: limits that sources disagree about are enforced too
};

// "cpu", "ref" or "sim:" and a profile of the engine (mil/engine/profile.h). A device that is not there says why and
// what to use instead.
Result<std::unique_ptr<Device>> open_device(std::string_view spec, const DeviceOptions& options = {});

// The names that open_device knows, for help and errors.
std::vector<std::string> device_names();
// Of those, the devices whose arithmetic is the host's: results are IEEE's, as far as the precision keeps them.
std::vector<std::string> host_device_names();
bool is_simulated(std::string_view spec);

// Checks what bind() promises; for the devices' own use.
Result<> check_surfaces(const Signature& signature, const std::vector<Surface*>& inputs,
                        const std::vector<Surface*>& outputs);
// For devices whose programs are one function of the host.
Result<> check_options(std::string_view device, const RequestOptions& options);
Signature signature_of(const mil::Function& function);

}  // namespace anemone
