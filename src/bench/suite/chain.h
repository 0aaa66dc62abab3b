// The programs of the suite: chains of 1×1 convolutions, with random weights, another for each layer.
//
//   const Chain chain{.channels = 512, .width = 64, .depth = 32};
//   mil::Function function = TRY(chain_function(chain));
//   Result<std::unique_ptr<Program>> program = device.compile(function, chain_weights(chain, seed));
//
// Magnitudes stay the same through any depth, so that a result can be checked. An fp16 layer's weights are uniform in
// ±√(3/C), of variance 1/C. A W8A8 layer's are int8, uniform from −63 to 127 and scaled by 1/(32·C): their mean keeps
// the mean of the activations, while what the rounding to int8 makes different shrinks from layer to layer. (Of weights
// of mean 0, any two roundings that differ once part for good after a few layers.)
#pragma once

#include <vector>

#include "mil/function.h"

namespace anemone::bench {

enum class Form : uint8_t {
  fp16,
  w8a8,  // int8 weights, activations to int8 and back between the layers
};
std::string_view to_string(Form form);

// [1, C, H, W] → [1, C, H, W].
struct Chain {
  int64_t channels = 0;
  int64_t height = 1, width = 64;
  int64_t depth = 1;
  Form form = Form::fp16;
  mil::DType boundary = mil::DType::fp32;  // what surfaces hold; other than fp16 is cast within the program

  int64_t pixels() const { return height * width; }
  double flop() const;               // of one run
  int64_t weight_bytes() const;      // as they are stored
  int64_t activation_bytes() const;  // of one tensor between layers
  bool operator==(const Chain&) const = default;
};

Result<mil::Function> chain_function(const Chain& chain);
mil::Weights chain_weights(const Chain& chain, uint64_t seed);

// One pixel's channels; pixels of other seeds differ. Each number is an fp16.
std::vector<float> chain_pixel(const Chain& chain, uint64_t seed);

}  // namespace anemone::bench
