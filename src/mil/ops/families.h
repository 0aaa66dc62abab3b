// The families of the op table, a file each.
#pragma once

#include <cmath>
#include <vector>

#include "mil/op.h"

namespace anemone::mil {

std::vector<OpDef> elementwise_ops();
std::vector<OpDef> activation_ops();
std::vector<OpDef> product_ops();  // convolution and matrix products
std::vector<OpDef> pooling_ops();
std::vector<OpDef> norm_ops();
std::vector<OpDef> reduction_ops();
std::vector<OpDef> shape_ops();  // const, casts and all that moves whole tensors without arithmetic
std::vector<OpDef> slicing_ops();
std::vector<OpDef> gather_ops();  // gather, scatter, sort, fill
std::vector<OpDef> image_ops();
std::vector<OpDef> recurrent_ops();
std::vector<OpDef> quantization_ops();  // quantize, dequantize, constexpr
std::vector<OpDef> state_ops();         // states and buffers

// The type rule of an op whose one result is like x.
inline Result<std::vector<TensorType>> same_as_x(const OpCall& c) { return {{c.type("x")}}; }

// NaN wins, as in NumPy and PyTorch.
inline double larger(double x, double y) { return std::isnan(x) || x > y ? x : y; }
inline double smaller(double x, double y) { return std::isnan(x) || x < y ? x : y; }

// A setting that is one number.
inline Result<> check_number(std::string_view op, const OpCall& c, std::string_view name) {
  if (c.type(name).count() == 1) return {};
  return fail("{}: parameter {} is {}, expected one number", op, name, to_string(c.type(name)));
}

}  // namespace anemone::mil
