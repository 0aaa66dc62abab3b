// Runs a program on a device and on `ref` with the same inputs and compares what comes out.
#pragma once

#include <gtest/gtest.h>

#include "device/device.h"

namespace anemone::conformance {

struct Target {
  std::string device;
  Precision precision;
};

// Those of the host, or the one that ANEMONE_CONFORMANCE_DEVICE names.
std::vector<std::string> devices_under_test();
// Of those, every one but `ref`, at every precision that it has.
std::vector<Target> targets();
std::string name_of(const Target& target);
inline void PrintTo(const Target& target, std::ostream* out) { *out << name_of(target); }

// fp32 programs are declared so; the narrower precisions run programs of fp16.
mil::DType element_type(Precision precision);

struct Inputs {
  uint64_t seed = 1;
  bool positive = false;            // |normal| + 0.25 rather than normal
  std::vector<mil::Array> given{};  // rather than drawn, where there are any
};

// What a program writes: an output, or a state.
struct Outcome {
  Port port;
  std::vector<double> values;
};

// The outputs and the states after the second of two runs, which must give the same bits and leave the bytes behind the
// surfaces' tensors alone.
std::vector<Outcome> run(Device& device, const mil::Function& function, const mil::Weights& weights,
                         const Inputs& inputs);
bool same_bits(const std::vector<double>& a, const std::vector<double>& b);

// `epsilons`: how far an element may be from ref's, in units of the precision's epsilon times the largest magnitude of
// that output. Epsilon is 2^-23 for fp32, 2^-10 for fp16 (half's) and 2^-7 for bf16 (bfloat16's). Integers and bools
// must be equal; states are compared as outputs are. The program runs twice, which must give the same bits, and must
// leave the bytes behind its surfaces' tensors alone. What the engine cannot (states, and what its limits forbid),
// `ane` must refuse.
void expect_as_ref(const Target& target, const mil::Function& function, const mil::Weights& weights,
                   const Inputs& inputs, double epsilons);

}  // namespace anemone::conformance
