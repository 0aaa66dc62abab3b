#include "mil/summary.h"

#include <algorithm>
#include <array>

#include "mil/inference.h"

namespace anemone::mil {
namespace {

// Multiply-adds for each element of the result: how long the sums are that an op takes. 0 for ops that are no product.
double terms(const OpDef& op, const OpCall& c) {
  const auto size = [&](std::string_view name, size_t from) {
    const Shape& shape = c.shape(name);
    return static_cast<double>(count({shape.begin() + static_cast<int64_t>(from), shape.end()}));
  };
  if (op.name == "conv") return size("weight", 1);
  if (op.name == "linear") return size("weight", 1);
  if (op.name == "matmul") {
    const Shape& x = c.shape("x");
    const bool transposed = x.size() > 1 && c.flag("transpose_x");
    return static_cast<double>(transposed ? x[x.size() - 2] : x.back());
  }
  if (op.name == "einsum") return static_cast<double>(c.operands("values")[0].type.shape.back());
  return 0;
}

// What a program declares, of thousands of tensors, need not fit: the sum stays at the largest number then.
void add(int64_t& sum, int64_t more) { sum = more > INT64_MAX - sum ? INT64_MAX : sum + more; }

void count_operation(const Function& function, const Operation& operation, const OpCall& call, Summary& summary) {
  ++summary.ops[std::string(operation.op->name)];
  double elements = 0;
  for (ValueId id : operation.results) elements += static_cast<double>(function.value(id).type.count());
  const double products = multiply_adds(*operation.op, call, elements);
  summary.product_flops += 2 * products;
  if (products == 0 && !moves(*operation.op)) summary.other_flops += elements;
}

}  // namespace

double multiply_adds(const OpDef& op, const OpCall& c, double elements) {
  const auto all = [&](std::string_view name) { return static_cast<double>(c.type(name).count()); };
  // Where the sums are not one for each element of the result.
  if (op.name == "conv_transpose") return all("x") * all("weight") / static_cast<double>(c.shape("weight")[0]);
  if (op.name == "scaled_dot_product_attention") {
    const Shape& key = c.shape("key");
    return (all("query") + elements) * static_cast<double>(key[key.size() - 2]);
  }
  return terms(op, c) * elements;
}

bool moves(const OpDef& op) {
  static constexpr auto kMoves = std::to_array<std::string_view>(
      {"identity",       "reshape",        "reshape_like",    "transpose",      "expand_dims",   "squeeze",
       "flatten2d",      "concat",         "split",           "stack",          "tile",          "pad",
       "shape",          "reverse",        "depth_to_space",  "space_to_depth", "pixel_shuffle", "pixel_unshuffle",
       "space_to_batch", "batch_to_space", "sliding_windows", "slice_by_index", "slice_by_size", "slice_update",
       "crop",           "gather",         "gather_nd",       "read_state",     "write_state",   "gather_along_axis"});
  return std::ranges::count(kMoves, op.name) > 0;
}

Summary summarize(const Function& function, const Weights* weights) {
  Summary summary;
  Inference inference(weights);
  for (const Operation& operation : function.operations) {
    inference.learn(function, operation);
    const bool constant = !operation.results.empty() && inference.is_constant(function, operation.results[0]);
    if (constant) continue;
    count_operation(function, operation, OpCall(inference.arguments(function, operation)), summary);
  }
  for (ValueId id : function.inputs) {
    const TensorType& type = function.value(id).type;
    add(type.state ? summary.state_bytes : summary.input_bytes, static_cast<int64_t>(type.bytes()));
  }
  for (ValueId id : function.outputs) add(summary.output_bytes, static_cast<int64_t>(function.value(id).type.bytes()));
  for (const ValueInfo& value : function.values) {
    if (value.constant) add(summary.constant_bytes, static_cast<int64_t>(value.constant->bytes().size()));
    if (!value.blob) continue;
    add(summary.weights, value.type.count());
    add(summary.weight_bytes, static_cast<int64_t>(value.type.bytes()));
  }
  return summary;
}

}  // namespace anemone::mil
