#include "device/ane/wide_rows.h"

#include <algorithm>
#include <numeric>

#include "mil/engine/rule.h"
#include "mil/rewrite.h"

namespace anemone::ane {
namespace {

using mil::Function;
using mil::Shape;
using mil::TensorType;
using mil::Value;
using mil::ValueId;
using mil::ValueInfo;

constexpr int64_t kRow = 64, kMostRows = 65536;
constexpr size_t kMostAxes = 5;  // S10: of more the engine computes nothing

bool is_narrow(const TensorType& type) {
  const bool is_float = type.dtype == mil::DType::fp16 || type.dtype == mil::DType::fp32;
  if (!is_float || type.buffer || type.shape.empty() || type.shape.size() > kMostAxes || type.count() == 0)
    return false;
  return type.shape.back() % mil::kRowMultiple != 0;
}

// Along it elements are added behind all others: the first of more than one, for packed tensors.
size_t outer_axis(const Shape& shape) {
  const auto axis = std::ranges::find_if(shape, [](int64_t size) { return size != 1; });
  return axis == shape.end() ? shape.size() - 1 : size_t(axis - shape.begin());
}

// The least of such shapes that fills whole rows.
Shape filled(Shape shape, size_t axis) {
  const int64_t inner = mil::count(shape) / shape[axis];
  const int64_t step = kRow / std::gcd(inner, kRow);
  shape[axis] = (shape[axis] + step - 1) / step * step;
  return shape;
}

// How a port is declared, and what it is reshaped to or from inside.
struct Wide {
  explicit Wide(const TensorType& type) : type(type), axis(outer_axis(type.shape)), inside(type), port(type) {
    inside.shape = filled(type.shape, axis);
    port.shape = {1, inside.count() / kRow, 1, kRow};
  }

  int64_t added() const { return inside.shape[axis] - type.shape[axis]; }
  Value read(Value x) const {
    x = reshape(x, inside.shape);
    return added() == 0 ? x : slice(x, axis, 0, type.shape[axis]);
  }
  Value written(Value y) const {
    if (added() > 0) y = pad(y, margins(), 0);
    return reshape(y, port.shape);
  }
  // A pair for each axis from `axis` on.
  std::vector<int64_t> margins() const {
    std::vector<int64_t> pairs(2 * (type.shape.size() - axis), 0);
    pairs[1] = added();
    return pairs;
  }

  const TensorType& type;
  size_t axis;
  TensorType inside, port;
};

Result<> check(const ValueInfo& port) {
  if (Wide(port.type).port.shape[1] <= kMostRows) return {};
  return fail("{} is {}: engines were seen to misread rows that are no multiple of {} elements: pad them", port.name,
              mil::to_string(port.type), mil::kRowMultiple);
}

bool any_narrow(const Function& function) {
  const auto narrow = [&](ValueId id) { return is_narrow(function.value(id).type); };
  return std::ranges::any_of(function.inputs, narrow) || std::ranges::any_of(function.outputs, narrow);
}

}  // namespace

Result<Function> with_wide_rows(const Function& function, const mil::Weights& weights) {
  if (!any_narrow(function)) return function;
  mil::Builder b(function.name, function.opset);
  mil::Replay replay(function, b, &weights);
  for (ValueId id : function.inputs) {
    const ValueInfo& input = function.value(id);
    if (!is_narrow(input.type)) {
      replay.set(id, b.input(input.name, input.type));
      continue;
    }
    TRY(check(input));
    const Wide wide(input.type);
    replay.set(id, wide.read(b.input(input.name, wide.port)));
  }
  for (const mil::Operation& operation : function.operations) replay.copy(operation);
  if (!b.ok()) return b.finish();
  for (ValueId id : function.outputs) {
    const ValueInfo& output = function.value(id);
    if (is_narrow(output.type)) TRY(check(output));
    b.output(output.name, is_narrow(output.type) ? Wide(output.type).written(replay[id]) : replay[id]);
  }
  return b.finish();
}

}  // namespace anemone::ane
