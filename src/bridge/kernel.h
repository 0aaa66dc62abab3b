// A program on a device with surfaces of its own: what a handle of the C interface stands for.
//
//   std::unique_ptr<Kernel> kernel = TRY(Kernel::create(device, program, {.inputs = {2048}, .outputs = {2048}}));
//   TRY(kernel->write_input(0, bytes));
//   TRY(kernel->run());
//   TRY(kernel->read_output(0, bytes));
//
// Threads: calls on one kernel take turns, those on distinct kernels run side by side.
#pragma once

#include <memory>
#include <mutex>
#include <span>
#include <string_view>
#include <vector>

#include "device/device.h"

namespace anemone::bridge {

// Bytes of each surface: at least its tensor's. The weights are the last inputs of the function.
struct Sizes {
  std::vector<size_t> inputs, weights, outputs;
};

class Kernel {
 public:
  // An error where counts or sizes do not fit the program.
  static Result<std::unique_ptr<Kernel>> create(std::shared_ptr<Device> device, std::shared_ptr<const Program> program,
                                                const Sizes& sizes);

  Result<> run();

  // As many bytes as the tensor has, or more, up to the surface's. Nothing is copied where they do not fit.
  Result<> write_input(int index, std::span<const std::byte> bytes);
  Result<> write_weight(int index, std::span<const std::byte> bytes);
  Result<> read_output(int index, std::span<std::byte> bytes);

  // A float for each element of a weight in fp16 or fp32.
  Result<> write_weight(int index, std::span<const float> values);

  // Both may be one kernel.
  static Result<> copy(Kernel& from, int output, Kernel& to, int input);

 private:
  struct Slot {
    std::string_view side;  // "input", "weight", "output"
    Port port;
    std::unique_ptr<Surface> surface;
  };
  using Slots = std::vector<Slot>;

  Kernel(std::shared_ptr<Device> device, std::shared_ptr<const Program> program)
      : device_(std::move(device)), program_(std::move(program)) {}
  Result<Slots> allocate(std::string_view side, std::span<const Port> ports, const std::vector<size_t>& sizes);
  static Result<Slot*> find(Slots& slots, std::string_view side, int index);
  static Result<> check_size(const Slot& slot, size_t bytes);
  static Result<> write(const Slot& slot, std::span<const std::byte> bytes);

  std::shared_ptr<Device> device_;
  std::shared_ptr<const Program> program_;
  Slots inputs_, weights_, outputs_;
  std::unique_ptr<Request> request_;
  std::mutex busy_;
};

}  // namespace anemone::bridge
