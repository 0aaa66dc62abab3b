// The families of the op table, a file each.
#pragma once

#include <cmath>
#include <vector>

#include "mil/op.h"

namespace anemone::mil {

std::vector<OpDef> elementwise_ops();
std::vector<OpDef> activation_ops();
std::vector<OpDef> convolution_ops();
std::vector<OpDef> product_ops();  // matrix products and attention
std::vector<OpDef> pooling_ops();
std::vector<OpDef> norm_ops();
std::vector<OpDef> reduction_ops();
std::vector<OpDef> shape_ops();     // const, casts and all that leaves data in its order
std::vector<OpDef> movement_ops();  // what moves one tensor without arithmetic
std::vector<OpDef> joining_ops();   // concat, split, stack, tile
std::vector<OpDef> space_ops();     // channels or batches to space and back
std::vector<OpDef> slicing_ops();
std::vector<OpDef> gather_ops();    // gathers and scatters
std::vector<OpDef> sort_ops();      // topk and argsort
std::vector<OpDef> fill_ops();      // tensors made from constants
std::vector<OpDef> image_ops();     // resizing
std::vector<OpDef> sampling_ops();  // crop_resize, affine, resample
std::vector<OpDef> recurrent_ops();
std::vector<OpDef> quantization_ops();
std::vector<OpDef> constexpr_ops();  // constants stored compressed
std::vector<OpDef> state_ops();      // states and buffers

// The type rule of an op whose one result is like x.
inline Result<std::vector<TensorType>> same_as_x(const OpCall& c) { return {{c.type("x")}}; }

// NaN wins, as in NumPy and PyTorch.
inline double larger(double x, double y) { return std::isnan(x) || x > y ? x : y; }
inline double smaller(double x, double y) { return std::isnan(x) || x < y ? x : y; }

}  // namespace anemone::mil
