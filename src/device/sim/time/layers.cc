#include "device/sim/time/layers.h"

#include <algorithm>
#include <map>
#include <numeric>
#include <set>

#include "mil/inference.h"
#include "mil/summary.h"

namespace anemone::sim {
namespace {

using mil::Operation;
using mil::ValueId;

constexpr int64_t kCores = 16;
constexpr int64_t kTileBytes = 2 << 20;  // 751K (M6): an operand is taken in floor(size / 2 MiB) + 1 tiles

bool is_one_of(std::string_view op, std::initializer_list<std::string_view> ops) {
  return std::ranges::count(ops, op) > 0;
}

bool is_view(std::string_view op) {
  return is_one_of(op, {"identity", "reshape", "reshape_like", "expand_dims", "squeeze", "flatten2d"});
}

// Changes of the element type happen where the engine reads or writes: no pass of their own.
bool is_conversion(std::string_view op) { return is_one_of(op, {"cast", "quantize", "dequantize"}); }

// How often an op goes over its elements; assumed. Softmax: maximum, difference, exp, sum, product. A norm: mean,
// difference, square and mean, product, sum.
double passes(std::string_view op) {
  if (is_conversion(op)) return 0;
  return is_one_of(op, {"softmax", "layer_norm", "instance_norm", "batch_norm", "l2_norm"}) ? 5 : 1;
}

// The weight operand of a product, and its dimension of outputs.
struct WeightOperand {
  std::string_view name;
  int64_t outputs = 0;
};

bool flag(const mil::OpCall& call, std::string_view name) { return call.has(name) && call.flag(name); }

WeightOperand weight_of(std::string_view op, const mil::OpCall& call) {
  if (op == "conv" || op == "linear") return {"weight", call.shape("weight")[0]};
  if (op == "conv_transpose") return {"weight", call.shape("weight")[1]};
  if (op != "matmul") return {};
  const bool first = call.operands("x")[0].fixed;
  if (!first && !call.operands("y")[0].fixed) return {};
  const mil::Shape& shape = call.shape(first ? "x" : "y");
  const bool rows = shape.size() > 1 && flag(call, first ? "transpose_x" : "transpose_y") != first;
  return {first ? "x" : "y", rows ? shape[shape.size() - 2] : shape.back()};
}

class Reader {
 public:
  explicit Reader(const mil::Function& function)
      : function_(function), producers_(function.values.size()), root_(function.values.size()) {
    std::iota(root_.begin(), root_.end(), 0);
  }

  std::vector<Layer> read() {
    unread_.insert(function_.inputs.begin(), function_.inputs.end());
    for (const Operation& operation : function_.operations) read(operation);
    write_outputs();
    return std::move(layers_);
  }

 private:
  void read(const Operation& operation) {
    inference_.learn(function_, operation);
    for (ValueId id : operation.results) producers_[size_t(id)] = &operation;
    if (operation.results.empty() || inference_.is_constant(function_, operation.results[0])) return;
    if (is_view(operation.op->name)) {
      root_[size_t(operation.results[0])] = root(operation.arguments[0].values[0]);
      return;
    }
    for (ValueId id : operation.results) layer_of_[id] = layers_.size();
    layers_.push_back(layer(operation));
  }

  Layer layer(const Operation& operation) {
    const mil::OpCall call(inference_.arguments(function_, operation));
    Layer layer{.op = operation.op->name};
    const WeightOperand weight = weight_of(layer.op, call);
    int64_t weight_bytes = 0;  // of that operand
    double results = 0, operands = 0;
    for (ValueId id : operation.results) results += double(function_.value(id).type.count());
    for (const mil::Argument& argument : operation.arguments) {
      for (ValueId id : argument.values) {
        if (inference_.is_constant(function_, id)) {
          const int64_t bytes = stream(id);
          layer.weight_bytes += bytes;
          if (argument.name == weight.name) weight_bytes += bytes;
        } else {
          operands = std::max(operands, double(function_.value(id).type.count()));
          layer.input_bytes += read_input(root(id));
        }
      }
    }
    layer.macs = mil::multiply_adds(*operation.op, call, results);
    if (layer.macs > 0) {
      describe_product(call, layer);
      if (weight.outputs > 0) describe_weight(operation, weight, weight_bytes, layer);
    } else {
      layer.elements = passes(layer.op) * (mil::moves(*operation.op) ? results : std::max(results, operands));
    }
    return layer;
  }

  static void describe_product(const mil::OpCall& call, Layer& layer) {
    layer.pointwise = true;
    if (!layer.op.starts_with("conv")) return;
    const auto is_one = [](int64_t n) { return n == 1; };
    const auto ones = [&](std::string_view name) {
      return !call.has(name) || std::ranges::all_of(call.integers(name), is_one);
    };
    const mil::Shape& shape = call.shape("weight");
    layer.pointwise = std::all_of(shape.begin() + 2, shape.end(), is_one);
    layer.width3 = layer.op == "conv" && shape.back() == 3 && ones("strides") && ones("dilations");
  }

  void describe_weight(const Operation& operation, const WeightOperand& weight, int64_t weight_bytes, Layer& layer) {
    const std::string_view other = weight.name != "x" ? "x" : "y";
    const ValueId w = operation.argument(weight.name)->values[0], x = operation.argument(other)->values[0];
    layer.core_weight_bytes = weight_bytes / weight.outputs * ((weight.outputs + kCores - 1) / kCores);
    layer.tiles = int64_t(function_.value(x).type.bytes()) / kTileBytes + 1;
    layer.int8 = was_int8(w) && was_int8(x);
  }

  // The value stands for int8 elements, whose scale is applied later.
  bool was_int8(ValueId id) const {
    const Operation* producer = producers_[size_t(id)];
    if (producer == nullptr || !is_one_of(producer->op->name, {"dequantize", "constexpr_affine_dequantize"})) {
      return false;
    }
    const auto first = producer->op->name == "dequantize" ? "input" : "quantized_data";
    return mil::bits(function_.value(producer->argument(first)->values[0]).type.dtype) == 8;
  }

  ValueId root(ValueId id) const { return root_[size_t(id)]; }

  int64_t read_input(ValueId id) { return unread_.erase(id) > 0 ? bytes(id) : 0; }

  int64_t bytes(ValueId id) const { return int64_t(function_.value(id).type.bytes()); }

  // The bytes of a constant operand that are new to the engine; settings, which the compiler reads, have none.
  int64_t stream(ValueId id) {
    const mil::ValueInfo& value = function_.value(id);
    if (value.blob) return blobs_.insert(*value.blob).second ? bytes(id) : 0;
    const Operation* producer = producers_[size_t(id)];
    if (producer != nullptr && producer->op->name.starts_with("constexpr_")) {
      int64_t sum = 0;
      for (const mil::Argument& argument : producer->arguments) {
        for (ValueId part : argument.values) sum += stream(part);
      }
      return sum;
    }
    const mil::DType dtype = value.type.dtype;
    const bool data = mil::is_float(dtype) || mil::bits(dtype) == 8;
    const bool setting = !data || dtype == mil::DType::boolean || dtype == mil::DType::string;
    return !setting && constants_.insert(id).second ? bytes(id) : 0;
  }

  void write_outputs() {
    for (ValueId id : function_.outputs) {
      const auto found = layer_of_.find(root(id));
      if (found != layer_of_.end()) layers_[found->second].output_bytes += bytes(id);
    }
  }

  const mil::Function& function_;
  mil::Inference inference_;
  std::vector<const Operation*> producers_;  // by value
  std::vector<ValueId> root_;                // of a view, what it shows; else the value itself
  std::set<ValueId> unread_, constants_;
  std::set<mil::BlobReference> blobs_;
  std::map<ValueId, size_t> layer_of_;
  std::vector<Layer> layers_;
};

}  // namespace

std::vector<Layer> layers_of(const mil::Function& function) { return Reader(function).read(); }

}  // namespace anemone::sim
