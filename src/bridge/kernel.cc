#include "bridge/kernel.h"

#include <algorithm>
#include <cstring>

#include "base/half.h"

namespace anemone::bridge {
namespace {

// Engines ask for surfaces somewhat larger than their tensor. Beyond this a size is a mistake.
constexpr size_t kLargestSurface = size_t{1} << 30;

Result<> check_counts(const Signature& signature, const Sizes& sizes) {
  const size_t inputs = sizes.inputs.size() + sizes.weights.size();
  if (inputs != signature.inputs.size()) {
    return fail("the program has {} inputs, but sizes of {} were given", signature.inputs.size(), inputs);
  }
  if (sizes.outputs.size() != signature.outputs.size()) {
    return fail("the program has {} outputs, but sizes of {} were given", signature.outputs.size(),
                sizes.outputs.size());
  }
  return {};
}

void append(std::vector<Surface*>& surfaces, const auto& slots) {
  for (const auto& slot : slots) surfaces.push_back(slot.surface.get());
}

}  // namespace

Result<std::unique_ptr<Kernel>> Kernel::create(std::shared_ptr<Device> device, std::shared_ptr<const Program> program,
                                               const Sizes& sizes) {
  std::unique_ptr<Kernel> kernel(new Kernel(std::move(device), std::move(program)));
  const Signature& signature = kernel->program_->signature();
  TRY(check_counts(signature, sizes));
  const std::span<const Port> ports(signature.inputs);
  const size_t inputs = sizes.inputs.size();
  kernel->inputs_ = TRY(kernel->allocate("input", ports.first(inputs), sizes.inputs));
  kernel->weights_ = TRY(kernel->allocate("weight", ports.subspan(inputs), sizes.weights));
  kernel->outputs_ = TRY(kernel->allocate("output", signature.outputs, sizes.outputs));
  std::vector<Surface*> from, to;
  append(from, kernel->inputs_);
  append(from, kernel->weights_);
  append(to, kernel->outputs_);
  kernel->request_ = TRY(kernel->program_->bind(from, to));
  return kernel;
}

Result<Kernel::Slots> Kernel::allocate(std::string_view side, std::span<const Port> ports,
                                       const std::vector<size_t>& sizes) {
  Slots slots;
  for (size_t i = 0; i < ports.size(); ++i) {
    const size_t needed = ports[i].type.bytes();
    if (sizes[i] < needed || sizes[i] > std::max(needed, kLargestSurface)) {
      return fail("{} {}, {}, is {} and needs {} bytes, but {} were given", side, i, ports[i].name,
                  mil::to_string(ports[i].type), needed, sizes[i]);
    }
    std::unique_ptr<Surface> surface = TRY(device_->allocate(sizes[i]));
    slots.push_back({side, ports[i], std::move(surface)});
  }
  return slots;
}

Result<> Kernel::run() {
  const std::lock_guard lock(busy_);
  TRY(request_->run());
  return {};
}

Result<Kernel::Slot*> Kernel::find(Slots& slots, std::string_view side, int index) {
  if (index >= 0 && static_cast<size_t>(index) < slots.size()) return &slots[static_cast<size_t>(index)];
  return fail("there is no {} {}: the kernel has {}, counted from 0", side, index, slots.size());
}

Result<> Kernel::check_size(const Slot& slot, size_t bytes) {
  const size_t tensor = slot.port.type.bytes(), surface = slot.surface->bytes();
  if (bytes >= tensor && bytes <= surface) return {};
  return fail("{} {} is {} of {} bytes in a surface of {}, but {} bytes were given", slot.side, slot.port.name,
              mil::to_string(slot.port.type), tensor, surface, bytes);
}

Result<> Kernel::write(const Slot& slot, std::span<const std::byte> bytes) {
  TRY(check_size(slot, bytes.size()));
  const Map map = slot.surface->map(Access::write);
  std::ranges::copy(bytes, map.bytes().begin());
  return {};
}

Result<> Kernel::write_input(int index, std::span<const std::byte> bytes) {
  const std::lock_guard lock(busy_);
  return write(*TRY(find(inputs_, "input", index)), bytes);
}

Result<> Kernel::write_weight(int index, std::span<const std::byte> bytes) {
  const std::lock_guard lock(busy_);
  return write(*TRY(find(weights_, "weight", index)), bytes);
}

Result<> Kernel::write_weight(int index, std::span<const float> values) {
  const std::lock_guard lock(busy_);
  const Slot& slot = *TRY(find(weights_, "weight", index));
  const mil::TensorType& type = slot.port.type;
  if (values.size() != static_cast<size_t>(type.count())) {
    return fail("weight {} is {} and has {} elements, but {} were given", slot.port.name, mil::to_string(type),
                type.count(), values.size());
  }
  if (type.dtype == mil::DType::fp32) return write(slot, std::as_bytes(values));
  if (type.dtype != mil::DType::fp16) {
    return fail("weight {} is {}, but floats become fp16 or fp32 alone: write its bytes", slot.port.name,
                mil::to_string(type));
  }
  const Map map = slot.surface->map(Access::write);
  to_half(values, map.as<Half>().data());
  return {};
}

Result<> Kernel::read_output(int index, std::span<std::byte> bytes) {
  const std::lock_guard lock(busy_);
  const Slot& slot = *TRY(find(outputs_, "output", index));
  TRY(check_size(slot, bytes.size()));
  const Map map = slot.surface->map(Access::read);
  std::ranges::copy(map.bytes().first(bytes.size()), bytes.begin());
  return {};
}

Result<> Kernel::copy(Kernel& from, int output, Kernel& to, int input) {
  std::unique_lock first(from.busy_, std::defer_lock), second(to.busy_, std::defer_lock);
  if (&from == &to) {
    first.lock();
  } else {
    std::lock(first, second);
  }
  const Slot& source = *TRY(find(from.outputs_, "output", output));
  const Slot& target = *TRY(find(to.inputs_, "input", input));
  const size_t bytes = source.port.type.bytes();
  if (bytes != target.port.type.bytes()) {
    return fail("output {} is {}, but input {} is {}: only tensors of as many bytes are copied", source.port.name,
                mil::to_string(source.port.type), target.port.name, mil::to_string(target.port.type));
  }
  const Map map = source.surface->map(Access::read);
  return write(target, map.bytes().first(bytes));
}

}  // namespace anemone::bridge
