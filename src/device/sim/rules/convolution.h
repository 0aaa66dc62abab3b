// What the convolutions share: their images, and the planes of them that products take.
#pragma once

#include <vector>

#include "device/sim/lowering.h"
#include "mil/ops/window.h"

namespace anemone::sim {

// A convolution: an image [n, groups·channels, D…] and a weight [groups·results, channels, K…].
struct Convolution {
  std::vector<mil::Window> windows;
  int64_t images, groups, channels, results;  // channels and results of a group
  int64_t taps = 1, places = 1;               // of the kernel, of the result
};
Result<Convolution> convolution_of(const Node& node);

// [n, groups, channels·taps, places]: what each place of the result sees of the image, in the order of the weight.
View columns_of(Lowering& l, const Convolution& c, const View& image);

// c = bias + weight·columns for each image and group; `sums` are doubles where `terms` are integers.
void emit_convolution(Lowering& l, const Convolution& c, Terms terms, const View& weight, const View& columns,
                      const std::optional<View>& bias, const View& result);

// Whether the chip computes it by Winograd's algorithm, and that.
bool is_winograd(const Lowering& l, const Node& node, const Convolution& c);
void lower_winograd(Lowering& l, const Node& node, const Convolution& c);

// Whether image and weight are int8 values with scales, and the convolution of those.
bool is_int8(const Lowering& l, const Node& node);
void lower_int8(Lowering& l, const Node& node, const Convolution& c);

}  // namespace anemone::sim
