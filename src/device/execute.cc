#include "device/execute.h"

#include <unistd.h>

#include <algorithm>
#include <cmath>

namespace anemone {
namespace {

using Surfaces = std::vector<std::unique_ptr<Surface>>;

Result<Surfaces> allocate(Device& device, const std::vector<Port>& ports) {
  Surfaces surfaces;
  for (const Port& port : ports) surfaces.push_back(TRY(device.allocate(port.type.bytes())));
  return surfaces;
}

std::vector<Surface*> pointers(const Surfaces& surfaces) {
  std::vector<Surface*> result;
  for (const auto& surface : surfaces) result.push_back(surface.get());
  return result;
}

mil::Tensor read(const Port& port, Surface& surface) {
  const Map map = surface.map(Access::read);
  const auto bytes = map.bytes().first(port.type.bytes());
  return mil::Tensor::own({port.type.dtype, port.type.shape}, {bytes.begin(), bytes.end()});
}

Result<> check_inputs(const Signature& signature, const std::vector<mil::Tensor>& inputs) {
  if (inputs.size() != signature.inputs.size()) {
    return fail("the program has {} inputs, but {} tensors are given", signature.inputs.size(), inputs.size());
  }
  for (size_t i = 0; i < inputs.size(); ++i) {
    const Port& port = signature.inputs[i];
    const mil::TensorType& type = inputs[i].type();
    if (type.dtype == port.type.dtype && type.shape == port.type.shape) continue;
    return fail("input {} is {}, but a tensor of {} is given", port.name, mil::to_string(port.type),
                mil::to_string(type));
  }
  return {};
}

}  // namespace

Result<> check_memory(const mil::Function& function) {
  const double memory = static_cast<double>(sysconf(_SC_PHYS_PAGES)) * static_cast<double>(sysconf(_SC_PAGE_SIZE));
  for (const mil::ValueInfo& value : function.values) {
    if (mil::is_flexible(value.type.shape)) {
      return fail("{} is {}: give the inputs' shapes first", value.name, mil::to_string(value.type));
    }
    if (static_cast<double>(value.type.count()) * sizeof(double) < memory) continue;
    return fail("{} is {}, more than the {:.0f} GB of this machine's memory hold", value.name,
                mil::to_string(value.type), memory / 1e9);
  }
  return {};
}

Result<Execution> execute(Device& device, const mil::Function& function, const mil::Weights& weights,
                          const std::vector<mil::Tensor>& inputs, int repeat) {
  TRY(check_memory(function));
  const auto program = TRY(device.compile(function, weights));
  const Signature& signature = program->signature();
  TRY(check_inputs(signature, inputs));
  const Surfaces from = TRY(allocate(device, signature.inputs)), to = TRY(allocate(device, signature.outputs));
  const auto request = TRY(program->bind(pointers(from), pointers(to)));
  Execution execution;
  for (int run = 0; run < repeat; ++run) {
    for (size_t i = 0; i < inputs.size(); ++i) {
      if (run > 0 && !signature.inputs[i].type.state) continue;
      const Map map = from[i]->map(Access::write);
      std::ranges::copy(inputs[i].bytes(), map.bytes().begin());
    }
    execution.times.push_back(TRY(request->run()));
  }
  for (size_t i = 0; i < to.size(); ++i) execution.outputs.push_back(read(signature.outputs[i], *to[i]));
  for (size_t i = 0; i < from.size(); ++i) {
    if (signature.inputs[i].type.state) execution.states.push_back(read(signature.inputs[i], *from[i]));
  }
  return execution;
}

Difference difference(const mil::Tensor& a, const mil::Tensor& b) {
  Difference result;
  for (int64_t i = 0; i < a.type().count(); ++i) {
    const double x = a.number(i), y = b.number(i);
    if (std::isfinite(y)) result.magnitude = std::max(result.magnitude, std::fabs(y));
    if (x == y || (std::isnan(x) && std::isnan(y))) continue;
    ++result.elements;
    double apart = std::fabs(x - y);
    if (std::isnan(apart)) apart = INFINITY;
    if (apart <= result.largest) continue;
    result.largest = apart;
    result.at = i;
  }
  return result;
}

}  // namespace anemone
