// The families of the op table, a file each.
#pragma once

#include <cmath>
#include <vector>

#include "mil/op.h"

namespace anemone::mil {

std::vector<OpDef> elementwise_ops();
std::vector<OpDef> activation_ops();
std::vector<OpDef> product_ops();  // convolution and matrix products
std::vector<OpDef> reduction_ops();
std::vector<OpDef> shape_ops();  // const, casts and all that moves data without arithmetic

// NaN wins, as in NumPy and PyTorch.
inline double larger(double x, double y) { return std::isnan(x) || x > y ? x : y; }
inline double smaller(double x, double y) { return std::isnan(x) || x < y ? x : y; }

}  // namespace anemone::mil
