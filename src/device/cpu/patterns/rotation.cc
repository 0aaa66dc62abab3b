// Rotary positions: x·cos ± rotate(x)·sin, where rotate maps a pair (a, b) of the last axis to (−b, a). The pairs are
// neighbours, or lie half an axis apart. Becomes one elementwise pass:
//   y_a = a·cos_a ∓ b·sin_a    y_b = b·cos_b ± a·sin_b
#include <algorithm>

#include "device/cpu/lowering.h"
#include "device/cpu/patterns/pattern.h"

namespace anemone::cpu {
namespace {

using mil::Operation;
using mil::ValueId;

struct Rotation {
  ValueId x, cos, sin, result;
  bool halves;    // pairs are half an axis apart
  bool backward;  // − rotate(x)·sin
};

// The product of something with a constant.
struct Scaled {
  ValueId x, by;
  const Operation* mul;
};
std::optional<Scaled> match_scaled(const Graph& graph, ValueId id) {
  const Operation* mul = graph.producer(id, "mul");
  if (mul == nullptr) return {};
  const ValueId x = operand(*mul, "x"), y = operand(*mul, "y");
  if (graph.constant(y) != nullptr) return Scaled{x, y, mul};
  return graph.constant(x) != nullptr ? std::optional(Scaled{y, x, mul}) : std::nullopt;
}

struct Slice {
  ValueId x;
  int64_t begin, size;  // of the last axis
  const Operation* operation;
};
// A slice of the last axis alone.
std::optional<Slice> match_slice(const Graph& graph, ValueId id) {
  const Operation* slice = graph.producer(id, "slice_by_size");
  if (slice == nullptr) return {};
  const ValueId x = operand(*slice, "x");
  const std::vector<int64_t> begin = graph.integers(*slice, "begin");
  const mil::Shape &from = graph.shape(x), &to = graph.shape(id);
  if (begin.size() != from.size() || !std::equal(from.begin(), from.end() - 1, to.begin())) return {};
  return Slice{x, begin.back(), to.back(), slice};
}

// rotate(x): reshape?(concat(−1·b, a)) with a and b the first and second of each pair.
struct Rotated {
  ValueId x;
  bool halves;
  std::vector<const Operation*> covers;
};
std::optional<Rotated> match_rotated(const Graph& graph, ValueId id) {
  Rotated found{-1, true, {}};
  if (const Operation* joined = graph.producer(id, "reshape")) {
    found.halves = false;
    found.covers.push_back(joined);
    id = operand(*joined, "x");
  }
  const Operation* concat = graph.producer(id, "concat");
  if (concat == nullptr || concat->argument("values")->values.size() != 2 || graph.flag(*concat, "interleave"))
    return {};
  const auto rank = int64_t(graph.shape(id).size());
  const auto axis = graph.number(operand(*concat, "axis"));
  if (axis != -1 && axis != double(rank - 1)) return {};
  const auto negated = match_scaled(graph, concat->argument("values")->values[0]);
  if (!negated || graph.number(negated->by) != -1) return {};
  const auto a = match_slice(graph, concat->argument("values")->values[1]), b = match_slice(graph, negated->x);
  if (!a || !b || a->x != b->x || a->begin != 0 || b->begin != a->size || a->size != b->size) return {};
  found.covers.insert(found.covers.end(), {concat, negated->mul, a->operation, b->operation});
  found.x = a->x;
  if (found.halves) return found;
  const Operation* split = graph.producer(a->x, "reshape");
  if (split == nullptr || a->size != 1) return {};
  found.covers.push_back(split);
  found.x = operand(*split, "x");
  return found;
}

View half(const View& view, bool halves, bool second) {
  const int64_t size = view.shape.back() / 2;
  return halves ? sliced(view, view.shape.size() - 1, second ? size : 0, size)
                : sliced(view, view.shape.size() - 1, second ? 1 : 0, size, 2);
}

// A table [.., S, h] with the sequence contiguous, as heads have it.
View table(Lowering& l, ValueId id) {
  const mil::Tensor& tensor = *l.constant(id);
  const mil::Shape& shape = tensor.type().shape;
  const int64_t h = shape.back(), rows = tensor.type().count() / h;
  const std::vector<double> values = tensor.numbers();
  std::vector<double> turned(values.size());
  for (int64_t r = 0; r < rows; ++r) {
    for (int64_t c = 0; c < h; ++c) turned[size_t(c * rows + r)] = values[size_t(r * h + c)];
  }
  const View stored = l.constant_view(mil::Tensor::from_numbers({tensor.type().dtype, {h, rows}}, turned));
  return *reshaped(permuted(stored, {1, 0}), shape);
}

void lower_rotation(Lowering& l, const Rotation& r) {
  const View x = l.read(r.x), cos = table(l, r.cos), sin = table(l, r.sin);
  const View y = l.target_like(r.result, x);
  const Rounding rounding = l.rounding(r.result);
  ElementwiseChain chain(half(x, r.halves, false).shape);
  const uint8_t a = chain.load(half(x, r.halves, false)), b = chain.load(half(x, r.halves, true));
  const auto times = [&](uint8_t value, const View& by, bool second) {
    return chain.apply(
        {.op = ElementOp::mul, .a = value, .b = chain.load(half(by, r.halves, second)), .rounding = rounding});
  };
  const auto combine = [&](ElementOp op, uint8_t p, uint8_t q) {
    return chain.apply({.op = op, .a = p, .b = q, .rounding = rounding});
  };
  const uint8_t ac = times(a, cos, false), bs = times(b, sin, false), bc = times(b, cos, true),
                as = times(a, sin, true);
  chain.store(combine(r.backward ? ElementOp::add : ElementOp::sub, ac, bs), half(y, r.halves, false));
  chain.store(combine(r.backward ? ElementOp::sub : ElementOp::add, bc, as), half(y, r.halves, true));
  l.emit_chain(chain);
  l.define(r.result, y);
}

}  // namespace

std::optional<Pattern> match_rotation(const Graph& graph, const Operation& operation) {
  const bool backward = operation.op->name == "sub";
  if (!backward && operation.op->name != "add") return {};
  const auto straight = match_scaled(graph, operand(operation, "x"));
  const auto turned = match_scaled(graph, operand(operation, "y"));
  if (!straight || !turned) return {};
  const auto rotated = match_rotated(graph, turned->x);
  const ValueId result = operation.results[0];
  if (!rotated || rotated->x != straight->x || graph.shape(result) != graph.shape(straight->x)) return {};
  const Rotation rotation{straight->x, straight->by, turned->by, result, rotated->halves, backward};
  for (const ValueId by : {rotation.cos, rotation.sin}) {
    if (graph.shape(by).back() != graph.shape(result).back()) return {};
  }
  Pattern pattern{.covers = rotated->covers, .results = {result}, .lower = [rotation](Lowering& l) {
                    lower_rotation(l, rotation);
                  }};
  pattern.covers.insert(pattern.covers.end(), {straight->mul, turned->mul, &operation});
  return pattern;
}

}  // namespace anemone::cpu
