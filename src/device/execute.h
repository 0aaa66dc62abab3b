// A program run from tensor to tensor.
//
//   Execution run = TRY(execute(*device, function, weights, {x}, {.repeat = 10}));
//   run.outputs[0]                        // in its declared type
#pragma once

#include <vector>

#include "device/device.h"

namespace anemone {

struct Execution {
  std::vector<mil::Tensor> outputs;  // of the last run
  std::vector<mil::Tensor> states;   // as the last run left them, in the order of the inputs that are states
  std::vector<RunTime> times;        // of each run
};

// An error where a value has unknown dimensions, or more elements than this machine's memory holds in double precision.
Result<> check_memory(const mil::Function& function);

// Compiles, binds and runs what check_memory() accepts. `inputs` are in the order and of the types of the function's
// inputs. States start anew at each run.
Result<Execution> execute(Device& device, const mil::Function& function, const mil::Weights& weights,
                          const std::vector<mil::Tensor>& inputs, int repeat = 1);

// How far two tensors of one type lie apart.
struct Difference {
  double largest = 0;    // |a − b|; infinite where one is NaN or infinite and the other is not the same
  int64_t at = 0;        // the element where that is
  double magnitude = 0;  // the largest finite |b|
  int64_t elements = 0;  // that are not equal
};
Difference difference(const mil::Tensor& a, const mil::Tensor& b);

}  // namespace anemone
