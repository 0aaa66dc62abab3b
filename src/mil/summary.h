// What a function costs and holds, counted from its text.
#pragma once

#include <cstdint>
#include <map>
#include <string>

#include "mil/function.h"

namespace anemone::mil {

// Of one run of a checked function without unknown dimensions. What is worked out of constants does not count.
struct Summary {
  std::map<std::string, int64_t, std::less<>> ops;  // how often each is computed
  double product_flops = 0;                         // 2 for each multiply-add of convolutions and matrix products
  double other_flops = 0;                           // one for each element that another arithmetic op gives
  int64_t input_bytes = 0, output_bytes = 0, state_bytes = 0;
  int64_t weights = 0, weight_bytes = 0;  // constants in weight files: their elements, their bytes
  int64_t constant_bytes = 0;             // constants in the text
};

// Multiply-adds of one use of an op with results of so many elements: 0 for ops that are no product.
double multiply_adds(const OpDef& op, const OpCall& call, double elements);
// The op only places data.
bool moves(const OpDef& op);

Summary summarize(const Function& function, const Weights* weights = nullptr);

}  // namespace anemone::mil
