// The work of a program, operation by operation, as far as its time on the engine depends on it.
//
//   std::vector<Layer> layers = layers_of(function);
//   layers[1].macs           // 512·512·64 for a 1×1 convolution of 512 channels over 64 pixels
//   layers[1].weight_bytes   // 524288; 0 where an earlier layer has streamed the same weight
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "mil/function.h"

namespace anemone::sim {

struct Layer {
  std::string_view op;
  double macs = 0;      // of products
  double elements = 0;  // that elementwise arithmetic and movement pass over, once for each pass

  // Constants that no layer before has brought in, as they are stored: int8 weights count a byte an element. Those in
  // one weight file at one place are one.
  int64_t weight_bytes = 0;
  int64_t core_weight_bytes = 0;  // one core's share: ceil(Cout/16)·Cin·kh·kw·2 of an fp16 convolution
  int64_t tiles = 1;              // the activations' pieces of at most 2 MiB: the weights are streamed for each

  // What the layer reads from the surfaces of inputs, which no layer before has read, and writes to those of outputs.
  int64_t input_bytes = 0, output_bytes = 0;

  bool int8 = false;       // int8 activations times int8 weights
  bool pointwise = false;  // a 1×1 convolution or a matrix product
  bool width3 = false;     // a convolution with a kernel of width 3, without stride and dilation
};

// Of a checked function without unknown dimensions. Views (reshape and the like) and what is computed of constants
// make no layer.
std::vector<Layer> layers_of(const mil::Function& function);

}  // namespace anemone::sim
