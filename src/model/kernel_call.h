// A kernel compiled for a device and bound to its surfaces.
//
//   auto program = TRY(compile(device, kernel, lookup));
//   KernelCall call = TRY(KernelCall::create(device, kernel, program));
//   call.write("x", x);                       // float [rows, columns], converted to the surface's type
//   TRY(call.run());
//   call.read("o", o);
//   next.transfer("q", call, "q");            // between surfaces of one type, as it is
//
// A call owns its surfaces unless it was given those of another, so that layers can share them.
#pragma once

#include <functional>
#include <memory>
#include <span>

#include "base/buffer.h"
#include "device/device.h"
#include "model/kernel.h"
#include "model/parameters.h"

namespace anemone::model {

// The values of a weight, [out, in] row-major; they stay as they are while programs that baked them live.
using WeightLookup = std::function<std::span<const float>(Weight)>;
WeightLookup layer_weights(const Parameters& parameters, int64_t layer);
WeightLookup head_weights(const Parameters& parameters);

// Compiles the kernel; where its source is baked, with the weights of `lookup`.
Result<std::shared_ptr<Program>> compile(Device& device, const Kernel& kernel, const WeightLookup& lookup);

class KernelCall {
 public:
  using SharedSurface = std::shared_ptr<Surface>;

  KernelCall() = default;
  // Allocates what is not given. `kernel` must outlive the call.
  static Result<KernelCall> create(Device& device, const Kernel& kernel, std::shared_ptr<Program> program,
                                   SharedSurface input = nullptr, SharedSurface output = nullptr);

  const Kernel& kernel() const { return *kernel_; }
  const SharedSurface& input() const { return input_; }
  const SharedSurface& output() const { return output_; }

  // Another program for the same kernel: its weights have changed.
  Result<> rebind(std::shared_ptr<Program> program);
  // Takes new values of baked weights into the program that it has; false where that needs another program.
  Result<bool> reload(const WeightLookup& lookup);
  // Rows [row, row + rows) of a weight's values have changed: takes them in; several threads may tell of distinct rows.
  // False where the program has to be compiled anew.
  bool refresh(Weight weight, std::span<const float> values, int64_t row, int64_t rows);
  // Lets go of the program, so that the weights it baked may change.
  void release();
  // Writes the weights of a dynamic kernel into their slots.
  void stage(const WeightLookup& lookup);

  void write(std::string_view slot, std::span<const float> values);
  // Some columns of a slot, from `first` on: values [rows, as many columns as they fill].
  void write_columns(std::string_view slot, int64_t first, std::span<const float> values);
  // The same from a slot of another's output, as it is.
  void transfer_columns(std::string_view slot, int64_t first, const KernelCall& from, std::string_view values);
  void read(std::string_view slot, std::span<float> values) const;
  // The slot of the output as floats: in the surface itself where it holds floats, else converted into `scratch`.
  std::span<const float> view(std::string_view slot, Buffer<float>& scratch) const;
  // Slots [first, last] of `from`'s output, which stand together there as in this call's input from `slot` on.
  void transfer(std::string_view slot, const KernelCall& from, std::string_view first, std::string_view last);

  Result<RunTime> run();

 private:
  void put_rows(const WeightPlace& place, std::span<const float> values, int64_t row, int64_t rows);

  const Kernel* kernel_ = nullptr;
  std::shared_ptr<Program> program_;
  SharedSurface input_, output_;
  std::unique_ptr<Request> request_;
};

}  // namespace anemone::model
