// How fast the machine could train: the step's matrix products alone, and the memory that the optimizer must move.
//
//   Limit limit(step_products(config, 1, 256), config.parameter_count(), Precision::bf16);
//   limit.measure();                                  // before the steps, between and after them: the best counts
//   double fraction = limit.seconds() / seconds_of_a_step;
//
// The products run by the library that the devices use, in the layouts of the activations, at the precision's factors:
// bfloat16 where the processor multiplies such, else floats (halves, too, are multiplied as floats). Weights and their
// gradients are another matrix each time, so that they come from memory as in a step; activations stay.
#pragma once

#include <vector>

#include "base/buffer.h"
#include "bench/bandwidth.h"
#include "bench/step_products.h"
#include "device/device.h"

namespace anemone::bench {

// For each parameter AdamW reads weight, gradient and both moments, and writes all but the gradient: floats.
inline constexpr int64_t kOptimizerBytes = 28;

class Limit {
 public:
  Limit(std::vector<StepProduct> products, int64_t parameters, Precision precision);

  // One pass over all products; the first one is preceded by a warm-up.
  void measure();

  struct Entry {
    StepProduct product;
    double seconds;  // of all its times
  };
  std::vector<Entry> products() const;
  double product_seconds() const;
  double optimizer_seconds() const;
  double seconds() const { return product_seconds() + optimizer_seconds(); }
  double flops() const;                                   // of the products
  const Bandwidth& bandwidth() const { return memory_; }  // bytes a second

 private:
  struct Planned {
    StepProduct product;
    Product multiply;
    int64_t copies;  // of the weights, more than the caches hold
    double best;     // seconds of one
  };
  Planned plan(StepProduct product);
  double time(const Planned& planned);

  Factor factor_;
  int64_t parameters_;
  Bandwidth memory_;
  std::vector<Planned> planned_;
  Buffer<std::byte> left_, right_;  // factors, of any product
  Buffer<float> result_;
};

}  // namespace anemone::bench
