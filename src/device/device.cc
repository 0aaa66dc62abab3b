#include "device/device.h"

#include <fmt/ranges.h>

#include <array>

#include "device/ane/ane_device.h"
#include "device/cpu/cpu_device.h"
#include "device/ref/ref_device.h"
#include "device/sim/sim_device.h"

namespace anemone {
namespace {

struct Entry {
  std::string_view name;
  std::unique_ptr<Device> (*open)(const DeviceOptions& options);
};

constexpr std::array kDevices{Entry{"cpu", open_cpu}, Entry{"ref", open_ref}};
constexpr std::string_view kEngine = "ane";
constexpr std::string_view kSimulated = "sim:";

constexpr std::array<std::string_view, 3> kPrecisions{"fp32", "fp16", "bf16"};

Result<> check_side(std::string_view side, const std::vector<Port>& ports, const std::vector<Surface*>& surfaces) {
  if (ports.size() != surfaces.size()) {
    return fail("the program has {} {}s, but {} surfaces were bound", ports.size(), side, surfaces.size());
  }
  for (size_t i = 0; i < ports.size(); ++i) {
    if (surfaces[i]->bytes() >= ports[i].type.bytes()) continue;
    return fail("{} {} is {} and needs {} bytes, but its surface has {}", side, ports[i].name,
                mil::to_string(ports[i].type), ports[i].type.bytes(), surfaces[i]->bytes());
  }
  return {};
}

}  // namespace

std::string_view to_string(Precision precision) { return kPrecisions[static_cast<size_t>(precision)]; }

Result<Precision> parse_precision(std::string_view name) {
  for (size_t i = 0; i < kPrecisions.size(); ++i) {
    if (kPrecisions[i] == name) return static_cast<Precision>(i);
  }
  return fail("there is no precision {}: choose fp32, fp16 or bf16", name);
}

Result<std::unique_ptr<Device>> open_device(std::string_view spec, const DeviceOptions& options) {
  for (const Entry& entry : kDevices) {
    if (entry.name == spec) return entry.open(options);
  }
  if (spec == kEngine) return open_ane(options);
  if (is_simulated(spec)) return open_sim(spec.substr(kSimulated.size()), options);
  return fail("there is no device {}: choose one of {}", spec, fmt::join(device_names(), ", "));
}

bool is_simulated(std::string_view spec) { return spec.starts_with(kSimulated); }

std::vector<std::string> host_device_names() {
  std::vector<std::string> names;
  for (const Entry& entry : kDevices) names.emplace_back(entry.name);
  return names;
}

std::vector<std::string> device_names() {
  std::vector<std::string> names = host_device_names();
  names.emplace_back(kEngine);
  for (const std::string& chip : mil::chip_names()) names.push_back(fmt::format("{}{}", kSimulated, chip));
  return names;
}

Result<> check_surfaces(const Signature& signature, const std::vector<Surface*>& inputs,
                        const std::vector<Surface*>& outputs) {
  TRY(check_side("input", signature.inputs, inputs));
  return check_side("output", signature.outputs, outputs);
}

Result<> check_options(std::string_view device, const RequestOptions& options) {
  if (options.weights != nullptr) return fail("{} takes constants when it compiles, not from a surface", device);
  if (options.procedure != 0) return fail("{} has one procedure a program: its index is 0", device);
  if (options.qos != RequestOptions().qos) return fail("{} has no quality of service: leave it at its default", device);
  return {};
}

Result<bool> Program::reload(const mil::Weights&) { return false; }
bool Program::refresh(const mil::BlobReference&, int64_t, int64_t) { return false; }

Signature signature_of(const mil::Function& function) {
  Signature signature;
  for (mil::ValueId id : function.inputs)
    signature.inputs.push_back({function.value(id).name, function.value(id).type});
  for (mil::ValueId id : function.outputs) {
    signature.outputs.push_back({function.value(id).name, function.value(id).type});
  }
  return signature;
}

}  // namespace anemone
